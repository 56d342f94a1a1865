import type { StateKind } from '../pipeline/outcome.ts';
import type { HoldingId } from './inventory.ts';

/*
 * Where everything that the code keeps stands in the inventory (R27). A new kind of state does not compile
 * without its line here; a new table or file fails its test.
 */

export const STATE_KINDS = {
  visit: 'visits',
  slot: 'devices',
  thermostat: 'devices',
  'frame-numbers': 'devices',
  seen: 'message-numbers',
  command: 'devices',
  consent: 'consents',
  'consent-list': 'consents',
  'shop-choice': 'choices',
  'tag-clock': 'tag-clocks',
  mode: 'audit',
  health: 'devices',
  cursor: 'devices',
} as const satisfies Record<StateKind, HoldingId>;

/** Tables of `aisle.db` beside `state`. */
export const TABLES: Record<string, HoldingId> = {
  meta: 'devices',
  epochs: 'devices',
  events: 'events',
  pending: 'events',
  dead: 'dead-letters',
  subject_keys: 'events',
  counters: 'devices',
  audit: 'audit',
};

/** Files of the data folder. */
export const FILES: Record<string, string> = {
  'aisle.db': 'what is listed above as on disk',
  'aisle.mark': 'how far the database had come, to know an old one by; nothing of anybody',
  'aisle.first-page': 'where its tables begin, to read a damaged one by; nothing of anybody',
  'credentials.db': 'device secrets, as keyed hashes',
  'store.key': 'the key that everything at rest is wrapped with; elsewhere where storeKeyFile says so',
  'opt-out.json': 'who does not want to be counted, as 16 bits of a keyed hash each',
  'history.db':
    'what devices, zones and the gateway measured, for the charts of the page; nothing of anybody',
  'cut-windows.json':
    'between two runs alone: what the last seconds of measurements came to, so that the next run goes on with them; nothing of anybody',
  'lock.db': 'nothing: it tells that a gateway runs',
  ballast: 'nothing: random octets that are given up where the disk is full',
  'dashboard.token': 'the key to the dashboard, new with each start',
};
