import type { AuditLine } from '../audit.ts';
import type { Config } from '../config.ts';
import type { ConsentKey, ConsentRecord } from '../consent-record.ts';
import type { ShopChoice } from '../consents.ts';
import type { Db } from '../database.ts';
import type { Visit } from '../pipeline/context/visit.ts';
import type { StoredState } from '../pipeline/outcome.ts';
import type { SealedEvents } from '../sealed-events.ts';
import { type DeadLetter, type StoredEvent, storedEvents } from '../stored-events.ts';
import { recipientsOf } from './inventory.ts';

/** Everything that the box holds of one person (R16; GDPR art. 15 and 20). Times are ISO 8601. */
export interface SubjectData {
  subjectRef: string;
  storeId: string;
  gateway: string;
  at: string;
  /** Keys by kind, with the last four characters: whole, they would let anybody be taken for that person. */
  consents: (Omit<ConsentRecord, 'keys'> & { keys: Record<string, unknown>[] })[];
  visits: Record<string, unknown>[];
  waiting: StoredEvent[];
  deadLetters: DeadLetter[];
  choices: { recordId: string; choice: string; version: number; at: string }[];
  tagClocks: { key: string; value: unknown }[];
  audit: (Omit<AuditLine, 'at' | 'detail'> & { at: string; detail: string | null })[];
  recipients: string[];
}

/**
 * Reads it from the disk. `stored` is read again for each call where it is the database's; what a running
 * gateway holds in memory beside (the last place) is its own to add.
 */
export function subjectData(
  subjectRef: string,
  parts: { config: Config; db: Db; stored: StoredState; sealed: SealedEvents; at: number },
): SubjectData {
  const { config, db, stored, sealed, at } = parts;
  const events = storedEvents(db, sealed);
  const records = [...(stored.get('consent') as ReadonlyMap<string, ConsentRecord>).values()];
  const own = records.filter((record) => record.subjectRef === subjectRef);
  const visits = [...(stored.get('visit') as ReadonlyMap<string, Visit>).values()];
  const ownVisits = visits.filter((visit) => visit.subjectRef === subjectRef);
  const waiting = events.waitingOf(subjectRef);
  const deadLetters = events.deadOf(subjectRef);
  const recordIds = new Set([
    ...[...own, ...ownVisits].map(({ recordId }) => recordId),
    ...[...waiting, ...deadLetters.map(({ event }) => event)].flatMap(recordIdsIn),
  ]);
  return {
    subjectRef,
    storeId: config.store.id,
    gateway: config.store.gateway,
    at: iso(at),
    consents: own.map((record) => ({ ...record, keys: record.keys.map(masked) })),
    visits: ownVisits.map(visitWithTimes),
    waiting,
    deadLetters,
    choices: choicesOf(stored, recordIds),
    tagClocks: tagClocksOf(stored, recordIds),
    audit: auditOf(db, recordIds),
    recipients: recipientsOf(config),
  };
}

/** Enough to tell one's keys apart, too little to use one. */
function masked({ kind, ...rest }: ConsentKey): Record<string, unknown> {
  const fields = Object.entries(rest).map(([name, value]) => {
    const isTold = name === 'day' || typeof value !== 'string';
    return [name, isTold ? value : `…${value.slice(-4)}`];
  });
  return { kind, ...Object.fromEntries(fields) };
}

function recordIdsIn({ data }: StoredEvent): string[] {
  const { consent, recordId } = data as { consent?: { recordId?: string }; recordId?: string };
  return [consent?.recordId, recordId].flatMap((id) => id ?? []);
}

function visitWithTimes(visit: Visit): Record<string, unknown> {
  const { startedAt, lastSeen, keptSeen: _, zone, ...rest } = visit;
  return {
    ...rest,
    startedAt: iso(startedAt),
    lastSeen: iso(lastSeen),
    ...(zone && { zone: { ...zone, enteredAt: iso(zone.enteredAt) } }),
  };
}

function choicesOf(stored: StoredState, recordIds: ReadonlySet<string>): SubjectData['choices'] {
  const choices = [...(stored.get('shop-choice') as ReadonlyMap<string, ShopChoice>)];
  return choices
    .filter(([recordId]) => recordIds.has(recordId))
    .map(([recordId, { choice, version, at }]) => ({ recordId, choice, version, at: iso(at) }));
}

/** Kept by record and the tag's number in it. */
function tagClocksOf(stored: StoredState, recordIds: ReadonlySet<string>): SubjectData['tagClocks'] {
  const isOwn = (key: string) => [...recordIds].some((id) => key.startsWith(`${id}/`));
  return [...stored.get('tag-clock')].filter(([key]) => isOwn(key)).map(([key, value]) => ({ key, value }));
}

function auditOf(db: Db, recordIds: ReadonlySet<string>): SubjectData['audit'] {
  const lines = db.prepare<[string], AuditLine>(
    'SELECT n, at, what, record, version, detail FROM audit WHERE record = ?',
  );
  return [...recordIds]
    .flatMap((recordId) => lines.all(recordId))
    .sort((a, b) => a.n - b.n)
    .map((line) => ({ ...line, at: iso(line.at) }));
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
