import type { ProfileStore } from '../../firmware-sim/profile-store/server.ts';
import { withStoredDatabase } from '../../gateway/cli/stored.ts';
import { readConfig } from '../../gateway/config.ts';
import { readEpochs } from '../../gateway/outbox/epochs.ts';
import { sealing } from '../../gateway/road.ts';
import { storedEvents } from '../../gateway/stored-events.ts';
import { type Book, judge, type LedgerEvent } from './ledger.ts';
import type { Presser } from './presser.ts';
import type { Shop } from './shop.ts';
import { until } from './until.ts';

/** Every event at the profile store, in the order of its commits. */
export const committedAt = ({ store }: ProfileStore): LedgerEvent[] =>
  store.events(0, Number.MAX_SAFE_INTEGER).map(({ event }) => event as unknown as LedgerEvent);

/** What waits in the data folder of a configuration, dead letters too; beside a running gateway or none. */
export function waitingIn(config: string): LedgerEvent[] {
  return withStoredDatabase(readConfig(config), (db, storeKey) => [
    ...(storedEvents(db, sealing(db, storeKey()).sealed).since(0) as Iterable<LedgerEvent>),
  ]);
}

/** Events that an erasure emptied on their way: declared once their uplink has answered, or at the next start. */
export function wipedIn(config: string): LedgerEvent[] {
  return withStoredDatabase(readConfig(config), (db) => {
    const epochs = readEpochs(db);
    const rows = db.prepare<[], { position: number }>("SELECT position FROM events WHERE body = ''").all();
    return rows.map(({ position }) => ({
      id: epochs.idAt(position),
      source: '',
      type: '',
      ...epochs.at(position),
    }));
  });
}

/** What pressers were acknowledged, by cause. */
export const acknowledgedBy = (pressers: readonly Presser[]): string[] =>
  pressers.flatMap(({ id, acknowledged }) => [...acknowledged].map((seq) => `${id}/b1/${seq}`));

/** The book of a shop as it lies there at this moment. */
function bookOf(shop: Shop, pressers: readonly Presser[]): Book {
  // The outbox before the profile store: what moves meanwhile is in both, and not in neither.
  const waiting = waitingIn(shop.config);
  return { acknowledged: acknowledgedBy(pressers), committed: committedAt(shop.profiles), waiting };
}

/** What is broken in a shop at this moment; see `judge`. */
export const judgeShop = (shop: Shop, pressers: readonly Presser[]): string[] =>
  judge(bookOf(shop, pressers));

/** Waits until the profile store has every press that was acknowledged. */
export async function drained({ profiles }: Shop, pressers: readonly Presser[], ms = 30_000): Promise<void> {
  const expected = new Set(acknowledgedBy(pressers));
  let row = 0;
  const isEmpty = () => {
    for (const stored of profiles.store.events(row, 1_000)) {
      row = stored.row;
      expected.delete(String(stored.event.causationid));
    }
    return expected.size === 0;
  };
  await until(isEmpty, `all of the acknowledged presses`, ms);
}
