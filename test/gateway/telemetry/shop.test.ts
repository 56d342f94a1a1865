import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseConfig } from '../../../gateway/config.ts';
import type { OutboxCounts } from '../../../gateway/outbox/counts.ts';
import { leaveCutWindows, takeCutWindows } from '../../../gateway/telemetry/cut-windows.ts';
import type { Point } from '../../../gateway/telemetry/point.ts';
import { openShopTelemetry } from '../../../gateway/telemetry/shop.ts';
import { createWindows } from '../../../gateway/telemetry/windows.ts';
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
async function lived(
  data: string,
  messages: readonly (readonly [atS: number, count: number])[],
  afterS = 10,
) {
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
  // Two more of which no tick has told.
  at += afterS * 1_000;
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

it('counts the messages of a process that ends in the window in which it began', async () => {
  const data = temporaryFolder();
  await lived(data, [[1, 0]], 1);
  await lived(data, [[4, 0]], 1);
  await lived(data, [[7, 5]], 8);
  expect(await lived(data, [])).toEqual([4, 2, null, null, null, null]);
});

it('sums a window up whole over a restart in its middle, and leaves no file behind where it runs', async () => {
  const data = temporaryFolder();
  const config = {
    ...parseConfig(
      `${YAML}devices: [{id: t1, kind: thermostat}]\n`.replace(
        'zones: []',
        'zones: [{id: z1, polygon: [[0, 0], [1, 0], [1, 1]]}]',
      ),
      'aisle.yaml',
    ),
    data,
  };
  let at = TEN;
  const opened = () =>
    openShopTelemetry({
      config,
      log: quiet,
      now: () => at,
      isClockSure: () => true,
      own: () => ({ outbox: NO_EVENTS as unknown as OutboxCounts, messages: 0 }),
    });
  const climate = (celsius: number): Point => ({
    measurement: 'climate',
    tags: { device: 't1' },
    fields: { temperature_celsius: celsius, co2_ppm: 400 },
    at,
  });
  const people = (count: number): Point => ({
    measurement: 'occupancy',
    tags: { zone: 'z1' },
    fields: { people: count },
    at,
  });
  const first = opened();
  first.tick();
  at += 1_000;
  first.record([climate(10), climate(20), people(40)]);
  await first.close();
  expect(readdirSync(data)).toContain('cut-windows.json');
  at += 4_000;
  const second = opened();
  expect(readdirSync(data)).not.toContain('cut-windows.json');
  second.tick();
  second.record([climate(60), people(10)]);
  at += 60_000;
  second.tick();
  const ask = async (measurement: string, field: string) => {
    const [line] =
      (await second.sources[0]?.query({ ...question, measurement, field, to: TEN + 10_000 })) ?? [];
    return line?.points;
  };
  expect(await ask('climate', 'temperature_celsius')).toEqual([[TEN, 30]]);
  expect(await ask('climate', 'co2_ppm')).toEqual([[TEN, 400]]);
  expect(await ask('occupancy', 'people')).toEqual([[TEN, 40]]);
  await second.close();
});

it('goes on without what was left behind where that is damaged, not a moment old, or of no known series', async () => {
  const windows = createWindows((value) => value === 't1');
  const data = temporaryFolder();
  const file = join(data, 'cut-windows.json');
  expect(takeCutWindows(file)).toEqual([]);
  writeFileSync(file, '[{"at": "ten"}]');
  expect(takeCutWindows(file)).toEqual([]);
  expect(readdirSync(data)).toEqual([]);
  const rolled = [{ field: 'temperature_celsius', last: 10, lastAt: TEN, max: 10, sum: 10, n: 1 }];
  const part = (device: string, at = TEN) => ({ at, measurement: 'climate', tags: { device }, rolled });
  await leaveCutWindows(file, [part('t1', TEN - 600_000)]);
  windows.resume(takeCutWindows(file), TEN + 5_000);
  expect(windows.open(TEN)).toEqual([]);
  await leaveCutWindows(file, [part('t1'), part('c4:7c:8d:6a:11:22')]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  windows.resume(takeCutWindows(file), TEN + 5_000);
  expect(windows.open(TEN)).toEqual([part('t1')]);
  // Nothing came: it is as it was told.
  expect(windows.all()).toEqual([]);
});
