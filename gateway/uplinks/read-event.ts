import { createHash } from 'node:crypto';
import type { OutgoingEvent } from './uplink.ts';

/** A CloudEvent as an uplink reads it that has to say it in another store's words. */
export interface ReadEvent {
  id: string;
  /** The middle of `aisle.<name>.v1`. */
  name: string;
  /** `urn:aisle:store:<store>:gateway:<gateway>` */
  source: string;
  /** When it happened, ISO 8601 UTC. */
  time: string;
  /** `data` without `subject` and `consent`. */
  data: Record<string, unknown>;
  /** The profile store's own reference, and what naming it rests on; absent where the event is of nobody. */
  person?: { ref: string; consent: EventConsent };
  /** What it is known and put in order by (CloudEvents attributes): nothing personal. */
  origin: Record<string, unknown>;
}

/** What a personal event rests on: these purposes, which need not be all that are granted (contract, Events). */
export interface EventConsent {
  recordId: string;
  version: number;
  noticeVersion: string;
  purposes: string[];
}

/** The attributes that go along beside id, source, type: of those that an event has. */
const ORIGIN = ['id', 'source', 'type', 'epoch', 'sequence', 'recordedtime', 'causationid'];

/**
 * @throws where a person is named without the consent that it rests on: nobody may learn of them (R11). No
 * message has a word of the event.
 */
export function readEvent({ name, body }: OutgoingEvent): ReadEvent {
  const { data: all, ...attributes } = parse(body);
  const { subject, consent, ...data } = all;
  const { id, source, time } = attributes;
  const origin = Object.fromEntries(
    ORIGIN.flatMap((key) => (key in attributes ? [[key, attributes[key]]] : [])),
  );
  const ref = (subject as { ref?: unknown } | undefined)?.ref;
  if (subject === undefined) return { id, name, source, time, data, origin };
  if (typeof ref !== 'string' || !isConsent(consent))
    throw new Error('a person without the consent they gave');
  return { id, name, source, time, data, origin, person: { ref, consent } };
}

type Attributes = Record<string, unknown> & { id: string; source: string; time: string };

/** What JSON.parse says of what it cannot read quotes it. */
function parse(body: string): Attributes & { data: Record<string, unknown> } {
  try {
    return JSON.parse(body);
  } catch {
    throw new Error('not JSON');
  }
}

function isConsent(value: unknown): value is EventConsent {
  const { recordId, purposes } = (value ?? {}) as Partial<EventConsent>;
  return typeof recordId === 'string' && Array.isArray(purposes) && purposes.includes('recognition');
}

/**
 * (`source`, `id`) as one text of 46 characters of `[0-9a-f-]`: an id alone is unique within its source
 * only (CloudEvents 1.0 §3.1.1), and stores know one namespace for all who send.
 */
export function globalId({ source, id }: ReadEvent): string {
  return `${createHash('sha256').update(source).digest('hex').slice(0, 16)}-${id}`;
}
