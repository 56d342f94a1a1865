import { statSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import type { Config } from '../../../gateway/config.ts';
import { startForward } from '../../../gateway/forward.ts';
import { emptyOutcome, type StoreEvent } from '../../../gateway/pipeline/outcome.ts';
import { openRoad } from '../../../gateway/road.ts';
import { openUplink, uplinkName } from '../../../gateway/uplinks/index.ts';
import { STORE } from './shop.ts';
import { skippingClock } from './skipping-clock.ts';

/** Events that come together: a commit of the gateway's holds no more. */
const TOGETHER = 256;

/** What was stored while the profile store was away. */
export interface Absence {
  /** Presses of each button that were acknowledged: on disk. */
  acknowledged: ReadonlyMap<string, number>;
  /** How often the forwarder tried. */
  tries: number;
  storedPerS: number;
  databaseMB: number;
  residentMB: number;
}

/**
 * A day of a shop by a clock of its own, on a real disk, by the real commit, outbox and forwarder, while the
 * uplink is refused by a port that nobody listens on. The day ends now.
 */
export async function passDay(
  config: Config,
  buttons: readonly string[],
  { events, perSecond }: { events: number; perSecond: number },
): Promise<Absence> {
  const clock = skippingClock(Date.now() - (events / perSecond) * 1_000);
  const closers: (() => unknown)[] = [];
  const { timers, wall } = clock;
  const log = pino({ level: 'silent' });
  let woken = () => {};
  const road = openRoad(config, { log, wall, timers, committed: () => woken() }, closers);
  const [uplink] = config.uplinks;
  if (!uplink) throw new Error('the bench needs an uplink');
  const away = openUplink(uplink, config.store);
  let tries = 0;
  const forward = startForward({
    name: uplinkName(uplink),
    uplink: {
      close: away.close,
      send(batch, signal) {
        tries += 1;
        return away.send(batch, signal);
      },
    },
    outbox: road.outbox,
    now: road.now,
    random: Math.random,
    changed: () => {},
    timers,
  });
  woken = () => forward.wake(0);

  const acknowledged = new Map(buttons.map((id) => [id, 0]));
  const seq = new Map(buttons.map((id) => [id, 0]));
  const startedAt = performance.now();
  for (let n = 0; n < events; n += TOGETHER) {
    const together = Math.min(TOGETHER, events - n);
    for (let i = 0; i < together; i += 1) {
      const id = buttons[(n + i) % buttons.length] ?? '';
      seq.set(id, (seq.get(id) ?? 0) + 1);
      const outcome = { ...emptyOutcome(), events: [press(id, seq.get(id) ?? 0, road.now())] };
      road.commit.add(outcome, () => acknowledged.set(id, (acknowledged.get(id) ?? 0) + 1));
    }
    clock.skip((together * 1_000) / perSecond);
    await new Promise(setImmediate);
  }
  const storedPerS = Math.round((events * 1_000) / (performance.now() - startedAt));
  await forward.close();
  for (const closer of closers.reverse()) await closer();
  const databaseMB = Math.round(statSync(join(config.data, 'aisle.db')).size / 1e6);
  const residentMB = Math.round(process.memoryUsage.rss() / 1e6);
  return { acknowledged, tries, storedPerS, databaseMB, residentMB };
}

function press(deviceId: string, seq: number, time: number): StoreEvent {
  const data = { storeId: STORE, deviceId, zoneId: 'z', button: 1, press: 'press' };
  return { name: 'button.pressed', class: 'B', time, causationId: `${deviceId}/day/${seq}`, data };
}
