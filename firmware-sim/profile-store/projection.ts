import { z } from 'zod';
import type { CloudEvent } from './cloud-event.ts';
import { compare, inOrder } from './order.ts';

/**
 * A profile is computed from its events each time it is read and kept nowhere. Events come live lane
 * before backlog, so they are put in order first; the same events in any order of arrival give the
 * same profile. Times are ISO 8601 UTC as the events carry them.
 */

export interface Stay {
  zoneId: string;
  enteredAt: string;
  exitedAt?: string;
  /** Seconds; of a stay that goes on, the last threshold that it passed. */
  dwellS?: number;
}

export interface Visit {
  visitId: string;
  startedAt: string;
  endedAt?: string;
  reason?: string;
  /** Where the shopper is; absent after the visit, between zones, and without the purpose `location`. */
  zone?: string;
  zones: Stay[];
}

export interface Offer {
  decisionId: string;
  state: 'delivered' | 'expired';
  channel?: string;
  at: string;
}

export interface LinkedPress {
  deviceId: string;
  press: string;
  button?: number;
  intent?: string;
  visitId?: string;
  at: string;
}

export interface LinkedItem {
  action: 'picked' | 'returned';
  sku: string;
  quantity?: number;
  visitId?: string;
  at: string;
}

export interface ConsentChange {
  recordId: string;
  change: 'granted' | 'withdrawn' | 'erased';
  at: string;
}

export interface Profile {
  ref: string;
  visits: Visit[];
  offers?: Offer[];
  presses?: LinkedPress[];
  items?: LinkedItem[];
  consents?: ConsentChange[];
}

/** What the projection reads of `data`; all else is let through unread. */
const Data = z.object({
  visitId: z.string().optional(),
  startedAt: z.string().optional(),
  endedAt: z.string().optional(),
  reason: z.string().optional(),
  zoneId: z.string().optional(),
  enteredAt: z.string().optional(),
  dwellS: z.number().optional(),
  decisionId: z.string().optional(),
  channel: z.string().optional(),
  deviceId: z.string().optional(),
  button: z.number().optional(),
  press: z.string().optional(),
  intent: z.string().optional(),
  sku: z.string().optional(),
  quantity: z.number().optional(),
  attribution: z.object({ visitId: z.string().optional() }).optional(),
  recordId: z.string().optional(),
  recordIds: z.array(z.string()).optional(),
  effectiveAt: z.string().optional(),
  erasedAt: z.string().optional(),
});
type Data = z.infer<typeof Data>;

interface Draft {
  visits: Map<string, Visit>;
  offers: Offer[];
  presses: LinkedPress[];
  items: LinkedItem[];
  consents: ConsentChange[];
}

/** The profile that these events tell of; nothing where there are none. */
export function project(ref: string, events: readonly CloudEvent[]): Profile | undefined {
  if (events.length === 0) return undefined;
  const draft: Draft = { visits: new Map(), offers: [], presses: [], items: [], consents: [] };
  for (const event of inOrder(events)) {
    const data = Data.safeParse(event.data);
    if (data.success && event.time) readers.get(event.type)?.(draft, event.time, data.data);
  }
  const visits = [...draft.visits.values()].map(withZone);
  visits.sort((a, b) => compare(a.startedAt, b.startedAt) || compare(a.visitId, b.visitId));
  return {
    ref,
    visits,
    ...(draft.offers.length > 0 && { offers: draft.offers }),
    ...(draft.presses.length > 0 && { presses: draft.presses }),
    ...(draft.items.length > 0 && { items: draft.items }),
    ...(draft.consents.length > 0 && { consents: draft.consents }),
  };
}

/** By event type; what is not here tells nothing of a person. */
const readers = new Map<string, (draft: Draft, at: string, data: Data) => void>([
  ['aisle.visit.started.v1', (draft, at, data) => amend(visitOf(draft, at, data), { startedAt: at })],
  ['aisle.visit.ended.v1', (draft, at, data) => amend(visitOf(draft, at, data), { endedAt: at, ...data })],
  ['aisle.visit.amended.v1', (draft, at, data) => amend(visitOf(draft, at, data), data)],
  ['aisle.zone.entered.v1', (draft, at, data) => enter(visitOf(draft, at, data), at, data)],
  ['aisle.zone.dwelled.v1', (draft, at, data) => dwell(visitOf(draft, at, data), data)],
  ['aisle.zone.exited.v1', (draft, at, data) => exit(visitOf(draft, at, data), at, data)],
  ['aisle.offer.delivered.v1', (draft, at, data) => addOffer(draft, 'delivered', at, data)],
  ['aisle.offer.expired.v1', (draft, at, data) => addOffer(draft, 'expired', at, data)],
  ['aisle.button.pressed.v1', addPress],
  ['aisle.shelf.item.picked.v1', (draft, at, data) => addItem(draft, 'picked', at, data)],
  ['aisle.shelf.item.returned.v1', (draft, at, data) => addItem(draft, 'returned', at, data)],
  ['aisle.consent.granted.v1', (draft, at, data) => addConsents(draft, 'granted', at, data)],
  ['aisle.consent.withdrawn.v1', (draft, at, data) => addConsents(draft, 'withdrawn', at, data)],
  ['aisle.subject.erased.v1', (draft, at, data) => addConsents(draft, 'erased', at, data)],
]);

/** A visit begins with whatever is heard of it first: its start may have expired or be on its way. */
function visitOf(draft: Draft, at: string, { visitId, enteredAt }: Data): Visit | undefined {
  if (visitId === undefined) return undefined;
  const visit = draft.visits.get(visitId) ?? { visitId, startedAt: enteredAt ?? at, zones: [] };
  draft.visits.set(visitId, visit);
  return visit;
}

function amend(visit: Visit | undefined, { startedAt, endedAt, reason }: Data): void {
  if (visit) Object.assign(visit, known({ startedAt, endedAt, reason }));
}

function enter(visit: Visit | undefined, at: string, { zoneId, enteredAt }: Data): void {
  if (zoneId !== undefined) visit?.zones.push({ zoneId, enteredAt: enteredAt ?? at });
}

function dwell(visit: Visit | undefined, { zoneId, dwellS }: Data): void {
  const stay = visit?.zones.findLast((zone) => zone.zoneId === zoneId && zone.exitedAt === undefined);
  if (stay && dwellS !== undefined) stay.dwellS = dwellS;
}

/** An exit is decided some time after it happened: its entry and dwell tell when, `time` only when decided. */
function exit(visit: Visit | undefined, at: string, { zoneId, enteredAt, dwellS }: Data): void {
  if (!visit || zoneId === undefined) return;
  let stay = visit.zones.findLast((zone) => zone.zoneId === zoneId && zone.exitedAt === undefined);
  if (!stay) {
    stay = { zoneId, enteredAt: enteredAt ?? at };
    visit.zones.push(stay);
  }
  if (enteredAt !== undefined) stay.enteredAt = enteredAt;
  const leftAt = new Date(Date.parse(stay.enteredAt) + (dwellS ?? Number.NaN) * 1000);
  stay.exitedAt = Number.isNaN(leftAt.getTime()) ? at : leftAt.toISOString();
  if (dwellS !== undefined) stay.dwellS = dwellS;
}

function withZone(visit: Visit): Visit {
  const last = visit.zones.at(-1);
  if (visit.endedAt !== undefined || !last || last.exitedAt !== undefined) return visit;
  const { zones, ...rest } = visit;
  return { ...rest, zone: last.zoneId, zones };
}

function addOffer(draft: Draft, state: Offer['state'], at: string, { decisionId, channel }: Data): void {
  if (decisionId !== undefined) draft.offers.push({ decisionId, state, at, ...known({ channel }) });
}

function addPress(draft: Draft, at: string, data: Data): void {
  const { deviceId, press, button, intent } = data;
  if (deviceId === undefined || press === undefined) return;
  draft.presses.push({ deviceId, press, at, ...known({ button, intent, visitId: linkedVisit(data) }) });
}

function addItem(draft: Draft, action: LinkedItem['action'], at: string, data: Data): void {
  const { sku, quantity } = data;
  if (sku === undefined) return;
  draft.items.push({ action, sku, at, ...known({ quantity, visitId: linkedVisit(data) }) });
}

function linkedVisit({ visitId, attribution }: Data): string | undefined {
  return visitId ?? attribution?.visitId;
}

function addConsents(draft: Draft, change: ConsentChange['change'], at: string, data: Data): void {
  const changedAt = data.effectiveAt ?? data.erasedAt ?? at;
  const recordIds = data.recordIds ?? (data.recordId === undefined ? [] : [data.recordId]);
  for (const recordId of recordIds) draft.consents.push({ recordId, change, at: changedAt });
}

/** The fields that have a value. */
function known<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
