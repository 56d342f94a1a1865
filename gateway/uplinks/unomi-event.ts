import { createHash } from 'node:crypto';
import { globalId, type ReadEvent } from './read-event.ts';

/** Unomi's ids: `^(\w|[-_@\.]){0,60}$`, and empty ones are nobody's. A URN is none: it has colons. */
const UNOMI_ID = /^[\w@.-]{1,60}$/;

export const isUnomiId = (text: string): boolean => UNOMI_ID.test(text);

/** What a device, zone or store is called there: its own name, or a hash of one that is too long. */
export function unomiId(text: string): string {
  return isUnomiId(text) ? text : createHash('sha256').update(text).digest('hex').slice(0, 40);
}

/**
 * `zone.entered` → `aisleZoneEntered`. A type is found by the name of its schema, and for that Unomi takes
 * `[_A-Za-z][_0-9A-Za-z]*` only.
 */
export function unomiType(name: string): string {
  const words = name.split('.').map((word) => word.slice(0, 1).toUpperCase() + word.slice(1));
  return `aisle${words.join('')}`;
}

/** What an event is about, as Unomi's `target`: the first of these that it names. */
const TARGETS = [
  ['shelfId', 'shelf'],
  ['deviceId', 'device'],
  ['zoneId', 'zone'],
] as const;

export interface UnomiRequest {
  /** ms: Unomi gives every event of a request this time, and none its own. */
  timestamp: number;
  profileId: string;
  body: string;
}

/**
 * One event of a person as a request to the event collector: one profile, one time. A visit is Unomi's
 * session. `itemId` makes it the same event when it comes again, for a caller that Unomi trusts.
 */
export function unomiRequest(event: ReadEvent, scope: string): UnomiRequest {
  const { name, time, data, person, origin } = event;
  const profileId = person?.ref ?? '';
  const sessionId = visitOf(data);
  const item = (itemType: string, itemId: unknown) => ({ itemType, scope, itemId: unomiId(String(itemId)) });
  const target = TARGETS.find(([key]) => data[key] !== undefined);
  const sent = {
    itemId: globalId(event),
    eventType: unomiType(name),
    scope,
    source: item('store', data.storeId),
    ...(target && { target: item(target[1], data[target[0]]) }),
    properties: { ...data, ...(person && { consent: person.consent }), aisle: origin },
  };
  const body = JSON.stringify({ ...(sessionId && { sessionId }), profileId, events: [sent] });
  return { timestamp: Date.parse(time), profileId, body };
}

/** The visit that an event belongs to, or is linked with. */
function visitOf(data: Record<string, unknown>): string | undefined {
  const linked = data.attribution as { visitId?: unknown } | undefined;
  const visitId = data.visitId ?? linked?.visitId;
  return typeof visitId === 'string' ? unomiId(visitId) : undefined;
}
