import { createHmac } from 'node:crypto';
import { cloudEvent, cloudEventHead, type Envelope, withData } from './cloud-event.ts';
import { PURPOSES, type Purpose } from './consent-record.ts';
import type { FullRow } from './outbox/sql.ts';
import type { StoreEvent } from './pipeline/outcome.ts';
import { seal, unseal } from './sealing.ts';
import type { SubjectKeys } from './subject-keys.ts';

/** An event as it lies on disk. */
export interface Laid {
  /** The CloudEvent as JSON; of a personal one everything but `data`. */
  body: string;
  /** `data` under the subject's key. */
  sealed: Buffer | null;
  /** Keyed hash of the subject's reference: the column names nobody. */
  tag: Buffer | null;
  /** A bit for each purpose that the event rests on. */
  purposes: number;
}

/** How a personal event waits: readable for nobody without its subject's key (S20). */
export interface SealedEvents {
  tagOf(subjectRef: string): Buffer;
  /** Inside the storing transaction. */
  lay(event: StoreEvent, envelope: Envelope): Laid;
  /** A text about an event of this subject, as it may lie on disk; as it is where the event is nobody's. */
  hide(text: string, tag: Buffer | null): string;
  /** What was hidden. */
  reveal(text: string, tag: Buffer | null): string;
  /** The whole event; nothing where the subject's key is destroyed. */
  open(row: Pick<FullRow, 'body' | 'subject' | 'sealed'>): string | undefined;
}

/** Before a hidden text. */
const HIDDEN = 'sealed:';

export function sealedEvents(keys: SubjectKeys, tagging: Buffer): SealedEvents {
  const tagOf = (subjectRef: string) => createHmac('sha256', tagging).update(subjectRef).digest();
  return {
    tagOf,
    lay(event, envelope) {
      if (event.subjectRef === undefined) {
        return { body: cloudEvent(event, envelope), sealed: null, tag: null, purposes: 0 };
      }
      const tag = tagOf(event.subjectRef);
      const body = cloudEventHead(event, envelope);
      const sealed = seal(keys.make(tag), JSON.stringify(event.data), body);
      return { body, sealed, tag, purposes: bitsOf(event.purposes ?? []) };
    },
    hide(text, tag) {
      const key = tag ? keys.find(tag) : undefined;
      return key ? `${HIDDEN}${seal(key, text, HIDDEN).toString('base64')}` : text;
    },
    reveal(text, tag) {
      const key = tag ? keys.find(tag) : undefined;
      if (!key || !text.startsWith(HIDDEN)) return text;
      return unseal(key, Buffer.from(text.slice(HIDDEN.length), 'base64'), HIDDEN).toString();
    },
    open({ body, subject, sealed }) {
      if (!sealed) return body;
      const key = subject ? keys.find(subject) : undefined;
      return key && withData(body, unseal(key, sealed, body).toString());
    },
  };
}

export function bitsOf(purposes: readonly Purpose[]): number {
  return purposes.reduce((bits, purpose) => bits | (1 << PURPOSES.indexOf(purpose)), 0);
}
