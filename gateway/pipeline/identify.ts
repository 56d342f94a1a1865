import type { ConsentRecord, Consents, Purpose } from '../consents.ts';
import type { Recogniser } from '../recognise/recogniser.ts';
import type { Sighting } from './decode.ts';

/**
 * Somebody who agreed to be recognised. Only this file can make one: the class is not exported, so
 * what it does not recognise has no identity from here on.
 */
class RecognisedSubject {
  readonly ref: string;
  constructor(ref: string) {
    this.ref = ref;
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

/** A sighting of a subject whose consent permits recognition at that moment. */
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
  /** Nothing for a stranger, for a key of two subjects, and where consent does not permit. */
  (sighting: Sighting): Recognised | undefined;
  /** The subject of an open visit, if the record still permits this purpose. */
  resume(
    recordId: string,
    purpose: Purpose,
    at: number,
  ): { subject: Subject; consent: ConsentRecord } | undefined;
  /** Follows the lists. */
  put(record: ConsentRecord, at: number): void;
  remove(recordId: string): void;
  roll(at: number): void;
}

/** Recognition by the consents in force. With `enabled()` false (mode, clock) nobody is recognised. */
export function createIdentify(
  consents: Consents,
  recognisers: readonly Recogniser[],
  enabled: () => boolean,
): Identify {
  const ways = new Map(
    recognisers.map((recogniser) => [recogniser.kind, { recogniser, table: recogniser.createTable() }]),
  );

  function identify(sighting: Sighting): Recognised | undefined {
    const way = ways.get(sighting.key.kind);
    if (!way || !enabled()) return undefined;
    const owners = way.table.find(sighting.key, sighting.at);
    const first = owners[0];
    // A key held by two subjects recognises nobody.
    if (!first || owners.some((owner) => owner.subjectRef !== first.subjectRef)) return undefined;
    for (const owner of owners) {
      const consent = consents.permits(owner.recordId, 'recognition', sighting.at);
      if (!consent) continue;
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
    return undefined;
  }

  function remove(recordId: string): void {
    for (const { table } of ways.values()) table.remove(recordId);
  }

  return Object.assign(identify, {
    resume(recordId: string, purpose: Purpose, at: number) {
      const consent = enabled() ? consents.permits(recordId, purpose, at) : undefined;
      return consent && { subject: new RecognisedSubject(consent.subjectRef), consent };
    },
    put(record: ConsentRecord, at: number) {
      remove(record.recordId);
      for (const key of record.keys) {
        const way = ways.get(key.kind as Sighting['key']['kind']);
        way?.table.put({ recordId: record.recordId, subjectRef: record.subjectRef }, key, at);
      }
    },
    remove,
    roll(at: number) {
      for (const { table } of ways.values()) table.roll(at);
    },
  });
}
