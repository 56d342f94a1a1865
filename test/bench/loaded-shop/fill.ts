import pino from 'pino';
import type { Config } from '../../../gateway/config.ts';
import type { StoreEvent } from '../../../gateway/pipeline/outcome.ts';
import { openRoad } from '../../../gateway/road.ts';
import { STORE } from './shop.ts';

/** Every tenth is of a shopper. */
const SHOPPERS = 500;

/** Puts so many events into the outbox, as a gateway would have stored them. */
export async function fill(config: Config, count: number): Promise<void> {
  const closers: (() => unknown)[] = [];
  const { outbox, db } = openRoad(config, { log: pino({ level: 'silent' }) }, closers);
  const at = Date.now();
  for (let n = 0; n < count; n += 5_000) {
    const events = Array.from({ length: Math.min(5_000, count - n) }, (_, i) => event(n + i, at));
    db.transaction(() => outbox.store([{ events, purge: [] }], at))();
  }
  for (const closer of closers.reverse()) await closer();
}

function event(n: number, at: number): StoreEvent {
  if (n % 10 !== 0) {
    const data = { storeId: STORE, deviceId: 'button-0', zoneId: 'z', button: 1, press: 'press' };
    return { name: 'button.pressed', class: 'B', time: at, causationId: `button-0/b0/${n}`, data };
  }
  const subjectRef = `p${(n / 10) % SHOPPERS}`;
  const visitId = subjectRef.padStart(32, '0');
  const consent = { recordId: `c-${subjectRef}`, version: 1, noticeVersion: '1', purposes: ['location'] };
  const data = {
    storeId: STORE,
    visitId,
    zoneId: 'z',
    confidence: 0.9,
    subject: { ref: subjectRef },
    consent,
  };
  return { name: 'zone.entered', class: 'B', time: at, visitId, subjectRef, purposes: ['location'], data };
}
