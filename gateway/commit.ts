import { auditWriter } from './audit.ts';
import { type Db, isDiskRefusing, stateWriter } from './database.ts';
import type { Outbox } from './outbox/outbox.ts';
import { isLasting, type Outcome, type StateChange } from './pipeline/outcome.ts';
import { systemTimers, type Timers } from './timers.ts';

/** A batch is written when this many signals wait for it … */
const BATCH_SIGNALS = 256;
/** … or so long after the first, ms: one fsync for all that came together. */
const LINGER = 2;
/** While the disk refuses, the same batch is tried again after so long, ms. */
const RETRY_AFTER = 250;
/** How often a batch also takes out what has expired, ms. */
const EXPIRE_EVERY = 60_000;

/**
 * Writes outcomes to disk, many in one transaction, in order. `done` is called once the outcome's
 * transaction is on disk, never before, and in the order of `add`.
 * While a batch fails nothing is acknowledged and `failing()` is true: no further signal may enter
 * the pipeline, whose memory is ahead of the disk by just this batch.
 */
export interface Commit {
  add(outcome: Outcome, done: () => void): void;
  failing(): boolean;
  /** Calls back when the disk takes batches again. */
  whenHealthy(resume: () => void): void;
  /** Writes what waits; throws where the disk still refuses. */
  close(): void;
}

export interface CommitParts {
  db: Db;
  outbox: Outbox;
  /** What rows that name a person are sealed with. */
  stateKey: Buffer;
  now: () => number;
  /** After each batch: events up to the position `last` are on disk. */
  committed: (last: number) => void;
  /** The disk begins to refuse, or refuses for another reason. */
  failed: (error: Error) => void;
  /** The disk takes again what it refused. */
  recovered?: () => void;
  timers?: Timers;
}

export function createCommit(parts: CommitParts): Commit {
  const { db, outbox, now, committed, timers = systemTimers } = parts;
  const writeState = stateWriter(db, parts.stateKey);
  const writeAudit = auditWriter(db);
  let batch: { outcome: Outcome; done: () => void }[] = [];
  /** Calls off the flush that is due. */
  let callOff: (() => void) | undefined;
  /** Why the disk refuses. */
  let failure: string | undefined;
  let waiting: (() => void)[] = [];
  let expiredAt = Number.NEGATIVE_INFINITY;

  const write = db.transaction((outcomes: readonly Outcome[], at: number) => {
    if (at - expiredAt >= EXPIRE_EVERY) outbox.expire(at);
    writeState(lastOfEach(outcomes.flatMap(({ changes }) => changes)));
    // Before the certificates of erasures, which carry its head.
    writeAudit(
      outcomes.flatMap(({ audit }) => audit),
      at,
    );
    outbox.store(outcomes, at);
  });

  /** Writes the batch, in a transaction of its own; throws where nothing of it is on disk. */
  function writeBatch(): void {
    const lasting = batch.flatMap(({ outcome }) => (isLasting(outcome) ? [outcome] : []));
    if (lasting.length === 0) return;
    const at = now();
    write(lasting, at);
    if (lasting.some(({ purge }) => purge.length > 0)) emptyJournal();
    if (at - expiredAt >= EXPIRE_EVERY) expiredAt = at;
  }

  /** What was erased stands in the write-ahead log until that is emptied (`secure_delete` does the rest). */
  function emptyJournal(): void {
    try {
      db.pragma('wal_checkpoint(TRUNCATE)');
    } catch (error) {
      // Somebody reads beside us: the next one empties it.
      if (!isDiskRefusing(error)) throw error;
    }
  }

  function flush(): void {
    callOff?.();
    callOff = undefined;
    try {
      writeBatch();
    } catch (error) {
      return fail(error as Error);
    }
    settle();
    committed(outbox.next() - 1);
    if (failure !== undefined) recover();
  }

  function settle(): void {
    const written = batch;
    batch = [];
    for (const { done } of written) done();
  }

  /** The world refuses for now; a mistake of ours must not be tried for ever. */
  function fail(error: Error): void {
    if (!isDiskRefusing(error)) throw error;
    callOff = timers.after(RETRY_AFTER, flush);
    const isNews = failure !== error.message;
    failure = error.message;
    if (isNews) parts.failed(error);
  }

  function recover(): void {
    failure = undefined;
    parts.recovered?.();
    if (batch.length > 0) callOff ??= timers.after(LINGER, flush);
    const resumes = waiting;
    waiting = [];
    for (const resume of resumes) resume();
  }

  return {
    add(outcome, done) {
      // Nothing lasting and nothing before it that is not on disk yet: no need to wait.
      if (!isLasting(outcome) && batch.length === 0) return done();
      batch.push({ outcome, done });
      if (failure !== undefined) return;
      if (batch.length >= BATCH_SIGNALS) flush();
      else callOff ??= timers.after(LINGER, flush);
    },
    failing: () => failure !== undefined,
    whenHealthy: (resume) => void waiting.push(resume),
    close() {
      callOff?.();
      writeBatch();
      settle();
    },
  };
}

/** What was changed twice in one batch is written once, as it is at its end. */
function lastOfEach(changes: readonly StateChange[]): StateChange[] {
  const last = new Map(changes.map((change) => [`${change.kind} ${change.key}`, change]));
  return [...last.values()];
}
