import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { StoreEvent } from '../../gateway/pipeline/outcome.ts';
import { createRefusals } from '../../gateway/refusals.ts';

function shop() {
  const clock = { at: 0 };
  const alerts: StoreEvent[] = [];
  const lines: Record<string, unknown>[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const refusals = createRefusals({
    log,
    now: () => clock.at,
    storeId: 's1',
    isKnown: (device) => device === 'shelf-1',
    alert: (event) => void alerts.push(event),
  });
  return { clock, alerts, lines, refusals };
}

describe('what is refused', () => {
  it('is told at once, and then once a minute for each kind and origin with a count', () => {
    const { clock, alerts, refusals } = shop();
    for (clock.at = 0; clock.at <= 60_000; clock.at += 1_000) refusals.device('foreign topic', 'shelf-1');
    expect(alerts.map(({ name, data }) => [name, data])).toEqual([
      ['security.alert', { storeId: 's1', kind: 'foreign topic', origin: 'shelf-1', count: 1 }],
      ['security.alert', { storeId: 's1', kind: 'foreign topic', origin: 'shelf-1', count: 60 }],
    ]);
  });

  it('has one origin for all names that nobody here has, so that no stranger can fill the outbox', () => {
    const { alerts, lines, refusals } = shop();
    for (let i = 0; i < 500; i++) refusals.device('wrong credentials', `name-${i}`);
    expect(alerts).toHaveLength(1);
    expect(lines).toHaveLength(1);
    expect(alerts[0]?.data).toMatchObject({ origin: 'unknown' });
  });

  it('is in the log alone where it is a line that broke', () => {
    const { alerts, lines, refusals } = shop();
    refusals.device('broken connection', 'shelf-1', 'ECONNRESET');
    expect([alerts.length, lines.length]).toEqual([0, 1]);
  });

  it('names the reason of a message that was dropped, and never its payload', () => {
    const { alerts, lines, refusals } = shop();
    refusals.dropped('not JSON', 'shelf-1', 'weight');
    expect(lines[0]).toMatchObject({ reason: 'not JSON', device: 'shelf-1', message: 'weight', count: 1 });
    expect(alerts).toHaveLength(0);
  });

  it('of the central platform is logged each time and told once a minute', () => {
    const { alerts, lines, refusals } = shop();
    refusals.central('forged');
    refusals.central('older');
    expect([alerts.length, lines.length]).toEqual([1, 2]);
  });
});
