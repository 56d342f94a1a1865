import type { AuditHead } from '../audit.ts';
import { erasureEvent } from '../erasure.ts';
import type { Erasure } from '../pipeline/outcome.ts';
import { bitsOf, type SealedEvents } from '../sealed-events.ts';
import type { SigningKey } from '../signing-key.ts';
import type { SubjectKeys } from '../subject-keys.ts';
import type { OnTheWay } from './on-the-way.ts';
import type { Statements } from './sql.ts';
import type { OutboxWriter } from './writer.ts';

/** What was taken out of the queue for one person. */
export interface Purged {
  queued: number;
  /** Visits of whose `visit.started` no uplink ever heard. */
  neverStarted: string[];
}

export interface PurgeParts {
  storeId: string;
  gateway: string;
  uplinks: readonly string[];
  sealed: SealedEvents;
  subjectKeys: SubjectKeys;
  /** Signs the certificates of erasures. */
  signingKey: SigningKey;
  /** The audit's head, in the transaction under way. */
  auditHead: () => AuditHead;
}

/**
 * Takes a person's waiting events out of the queue, inside a transaction (P14). What is on its way to an
 * uplink at that moment loses its body at once, and is declared only if the uplink turns out not to have
 * taken it.
 */
export function purging(sql: Statements, writer: OutboxWriter, onTheWay: OnTheWay, parts: PurgeParts) {
  function isOwedToAll(position: number): boolean {
    const owed = new Set(sql.owed.all(position).map(({ uplink }) => uplink));
    return parts.uplinks.every((uplink) => owed.has(uplink));
  }

  function certify(erasure: Erasure, tag: Buffer, queued: number, at: number): void {
    const { storeId, gateway, signingKey: key, auditHead } = parts;
    parts.subjectKeys.destroy(tag);
    const said = { storeId, gateway, queued, key, audit: auditHead(), at };
    const { event, certificate } = erasureEvent(erasure, said);
    erasure.certificate = certificate;
    writer.append(event, at);
  }

  return (erasure: Erasure, at: number): Purged => {
    const tag = parts.sealed.tagOf(erasure.subjectRef);
    const mask = bitsOf(erasure.only ?? []);
    const rows = sql.ofSubject.all(tag).filter(({ purposes }) => mask === 0 || (purposes & mask) !== 0);
    const gone = rows.filter(({ position }) => !onTheWay.has(position));
    const neverStarted = gone.flatMap(({ position, name, visit }) =>
      name === 'visit.started' && visit !== null && isOwedToAll(position) ? [visit] : [],
    );
    const recalled = rows.flatMap(({ position }) => (onTheWay.has(position) ? [position] : []));
    for (const position of recalled) sql.wipe.run(position);
    onTheWay.recall(recalled);
    // They were declared when they were set aside.
    sql.eraseDead.run(tag, mask, mask);
    writer.removeAndDeclare(gone, 'erased', at);
    // What is kept under other purposes stays readable; otherwise no copy of these bytes is, anywhere.
    if (!erasure.only) certify(erasure, tag, rows.length, at);
    return { queued: rows.length, neverStarted };
  };
}
