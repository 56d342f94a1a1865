import type { SeenKey } from '../../devices/device.ts';
import type { ConsentRecord, Purpose } from '../consent-record.ts';
import type { Consents } from '../consents.ts';
import type { PreparedIds } from '../recognise/eid-prepared.ts';
import { createKeyHolders } from '../recognise/key-holders.ts';
import type { KeyTable, Owner, Recogniser } from '../recognise/recogniser.ts';
import { createTagClocks, type TagClockRow } from '../recognise/tag-clocks.ts';
import type { Sighting } from './decode.ts';

/**
 * Somebody who agreed to be recognised. Only this file can make one: the class is not exported and its
 * private field keeps look-alikes out, so what is not recognised here has no identity from here on.
 */
class RecognisedSubject {
  readonly #ref: string;
  constructor(ref: string) {
    this.#ref = ref;
  }
  get ref(): string {
    return this.#ref;
  }
  /** Never by accident in a log line (R13). */
  toString(): string {
    return '[subject]';
  }
  toJSON(): string {
    return '[subject]';
  }
}
export type Subject = RecognisedSubject;

/** A sighting of a subject whose consent permits recognition, then and now. */
export interface Recognised {
  subject: Subject;
  consent: ConsentRecord;
  anchor: string;
  rssi: number | null;
  at: number;
  method: string;
  confidence: number;
}

export interface Identify {
  /** Nothing for a stranger, for a key of two subjects, and where consent does not permit. `now` in ms. */
  (sighting: Sighting, now: number): Recognised | undefined;
  /** The subject of an open visit, if the record still permits this purpose. */
  resume(
    recordId: string,
    purpose: Purpose,
    at: number,
  ): { subject: Subject; consent: ConsentRecord } | undefined;
  /** Who just agreed, whatever else stops recognition at this moment: for telling that they did. */
  granted(record: ConsentRecord): Subject;
  /** Whose key it is, whether or not they may be recognised now: for who comes to withdraw. */
  ownersOf(key: SeenKey, at: number): readonly Owner[];
  /** Follows the lists. Returns the records of others that hold a key of this one: it recognises nobody. */
  put(record: ConsentRecord, at: number, prepared?: PreparedIds): string[];
  remove(recordId: string): void;
  roll(at: number): void;
  /** Rows of `tag-clock` that changed since it was last asked: what sightings taught about tags' clocks. */
  tagClocks(): TagClockRow[];
  /** Records with a key that there was no room for: it recognises nobody. */
  refused(): string[];
}

interface Way {
  recogniser: Recogniser;
  table: KeyTable;
}

/**
 * Recognition by the consents in force. With `enabled()` false (mode, clock) nobody is recognised.
 * `tagClocks` are the stored rows of that kind.
 */
export function createIdentify(
  consents: Consents,
  recognisers: readonly Recogniser[],
  enabled: () => boolean,
  tagClocks: ReadonlyMap<string, unknown> = new Map(),
): Identify {
  const clocks = createTagClocks(tagClocks);
  const ways: Way[] = recognisers.map((recogniser) => ({ recogniser, table: recogniser.createTable() }));
  const holders = createKeyHolders();

  function identify(sighting: Sighting, now: number): Recognised | undefined {
    const way = ways.find(({ recogniser }) => recogniser.sees === sighting.key.kind);
    if (!way || !enabled()) return undefined;
    const owners = way.table.find(sighting.key, sighting.at);
    if (new Set(owners.map(({ subjectRef }) => subjectRef)).size > 1) return undefined;
    const permitting = permittingOf(owners, sighting.at, now);
    const consent = permitting.find(({ purposes }) => purposes.includes('location')) ?? permitting[0];
    if (!consent) return undefined;
    learn(way, sighting, permitting);
    const { method, confidence } = way.recogniser;
    const { anchor, rssi, at } = sighting;
    return {
      subject: new RecognisedSubject(consent.subjectRef),
      consent,
      anchor,
      rssi,
      at,
      method,
      confidence,
    };
  }

  /** A late sighting needs consent twice: it must not reach back before a grant, nor outlive an expiry. */
  function permittingOf(owners: readonly Owner[], seenAt: number, now: number): ConsentRecord[] {
    return owners.flatMap(({ recordId }) =>
      consents.permits(recordId, 'recognition', seenAt)
        ? (consents.permits(recordId, 'recognition', now) ?? [])
        : [],
    );
  }

  /** From a sighting that recognised somebody, and from no other: it leaves a trace. */
  function learn({ table }: Way, { key, at }: Sighting, records: readonly ConsentRecord[]): void {
    if (!table.learn) return;
    const recordIds = records.map(({ recordId }) => recordId);
    for (const learnt of table.learn(key, at, recordIds)) {
      const record = records.find(({ recordId }) => recordId === learnt.recordId);
      if (record) clocks.learnt(learnt, record.keys);
    }
  }

  function removeKeys(recordId: string): void {
    for (const { table } of ways) table.remove(recordId);
    holders.remove(recordId);
  }

  return Object.assign(identify, {
    resume(recordId: string, purpose: Purpose, at: number) {
      const consent = enabled() ? consents.permits(recordId, purpose, at) : undefined;
      return consent && { subject: new RecognisedSubject(consent.subjectRef), consent };
    },
    granted: (record: ConsentRecord) => new RecognisedSubject(record.subjectRef),
    ownersOf: (key: SeenKey, at: number) =>
      ways.flatMap(({ recogniser, table }) => (recogniser.sees === key.kind ? table.find(key, at) : [])),
    put(record: ConsentRecord, at: number, prepared?: PreparedIds) {
      removeKeys(record.recordId);
      const { recordId, subjectRef, keys } = record;
      const owner = { recordId, subjectRef };
      for (const key of keys) {
        const offset = clocks.offsetOf(recordId, key, keys);
        for (const { recogniser, table } of ways) {
          if (recogniser.keys === key.kind) table.put(owner, key, at, offset, prepared?.get(key));
        }
      }
      return holders.put(owner, keys);
    },
    remove(recordId: string) {
      removeKeys(recordId);
      clocks.forget(recordId);
    },
    roll(at: number) {
      for (const { table } of ways) table.roll(at);
    },
    tagClocks: () => clocks.take(),
    refused: () => [...new Set(ways.flatMap(({ table }) => table.refused?.() ?? []))],
  });
}
