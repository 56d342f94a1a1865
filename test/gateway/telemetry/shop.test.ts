import { expect, it } from 'vitest';
import { parseConfig } from '../../../gateway/config.ts';
import type { OutboxCounts } from '../../../gateway/outbox/counts.ts';
import { openShopTelemetry } from '../../../gateway/telemetry/shop.ts';
import { quiet } from '../../support/quiet.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const TEN = Date.UTC(2026, 2, 2, 10);
const YAML = `
store: {id: s1, gateway: g1, timezone: UTC}
mode: anonymous
map: {zones: []}
`;
const NO_EVENTS = { stored: 0, taken: {}, waiting: 0, bytes: 0, oldestAt: null, dead: 0 };
const question = { measurement: 'gateway', field: 'messages', from: TEN, to: TEN + 60_000, stepS: 10 };

/** The time series of one process, with the messages that it was sent by so many seconds after ten; what it knows at its end. */
async function lived(data: string, messages: readonly (readonly [atS: number, count: number])[]) {
  let at = TEN;
  let count = 0;
  const telemetry = openShopTelemetry({
    config: { ...parseConfig(YAML, 'aisle.yaml'), data },
    log: quiet,
    now: () => at,
    isClockSure: () => true,
    own: () => ({ outbox: NO_EVENTS as unknown as OutboxCounts, messages: count }),
  });
  for (const [atS, sent] of messages) {
    at = TEN + atS * 1_000;
    count = sent;
    telemetry.tick();
  }
  const [line] = (await telemetry.sources[0]?.query(question)) ?? [];
  // Two more in a window of which no tick has told.
  at += 10_000;
  count += messages.length > 0 ? 2 : 0;
  await telemetry.close();
  return line?.points.map(([, value]) => value);
}

it('counts each message once, over a restart in the middle of a window', async () => {
  const data = temporaryFolder();
  await lived(data, [
    [1, 0],
    [10, 90],
    [20, 190],
  ]);
  await lived(data, [
    [31, 0],
    [40, 90],
    [50, 190],
  ]);
  // In the fourth window the first process ended, with nothing more, and the second began: its 90 come with the next.
  expect(await lived(data, [])).toEqual([null, 190, 2, 0, 190, 2]);
});
