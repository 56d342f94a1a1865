import type { ConsentRecord, Consents, Purpose } from '../consents.ts';
import { createKeyHolders } from '../recognise/key-holders.ts';
import type { Owner, Recogniser } from '../recognise/recogniser.ts';
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
  /** Follows the lists. Returns the records of others that hold a key of this one: it recognises nobody. */
  put(record: ConsentRecord, at: number): string[];
  remove(recordId: string): void;
  roll(at: number): void;
}

/** Recognition by the consents in force. With `enabled()` false (mode, clock) nobody is recognised. */
export function createIdentify(
  consents: Consents,
  recognisers: readonly Recogniser[],
  enabled: () => boolean,
): Identify {
  const ways = recognisers.map((recogniser) => ({ recogniser, table: recogniser.createTable() }));
  const holders = createKeyHolders();

  function identify(sighting: Sighting, now: number): Recognised | undefined {
    const way = ways.find(({ recogniser }) => recogniser.kind === sighting.key.kind);
    if (!way || !enabled()) return undefined;
    const owners = way.table.find(sighting.key, sighting.at);
    if (new Set(owners.map(({ subjectRef }) => subjectRef)).size > 1) return undefined;
    const consent = mostPermitting(owners, sighting.at, now);
    if (!consent) return undefined;
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
  function mostPermitting(owners: readonly Owner[], seenAt: number, now: number): ConsentRecord | undefined {
    const permitting = owners.flatMap(({ recordId }) =>
      consents.permits(recordId, 'recognition', seenAt)
        ? (consents.permits(recordId, 'recognition', now) ?? [])
        : [],
    );
    return permitting.find(({ purposes }) => purposes.includes('location')) ?? permitting[0];
  }

  function remove(recordId: string): void {
    for (const { table } of ways) table.remove(recordId);
    holders.remove(recordId);
  }

  return Object.assign(identify, {
    resume(recordId: string, purpose: Purpose, at: number) {
      const consent = enabled() ? consents.permits(recordId, purpose, at) : undefined;
      return consent && { subject: new RecognisedSubject(consent.subjectRef), consent };
    },
    put(record: ConsentRecord, at: number) {
      remove(record.recordId);
      const { recordId, subjectRef, keys } = record;
      const owner = { recordId, subjectRef };
      for (const key of keys) {
        for (const { recogniser, table } of ways) if (recogniser.kind === key.kind) table.put(owner, key, at);
      }
      return holders.put(owner, keys);
    },
    remove,
    roll(at: number) {
      for (const { table } of ways) table.roll(at);
    },
  });
}
