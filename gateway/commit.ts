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
/** How often a batch also takes out what has expired, ms by the monotonic clock (P13). */
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
  /** How often the disk began to refuse, and took again. */
  counts(): { refusals: number; recoveries: number };
  /** Calls back after each try at writing a batch. */
  whenTried(listener: (tried: TriedBatch) => void): void;
  /** The disk refused somebody else's transaction. */
  doubt(error: Error): void;
  /** Writes what waits; throws where the disk still refuses. */
  close(): void;
}

/** One try at writing a batch: of so many signals, ms until it was on disk or refused. */
export interface TriedBatch {
  signals: number;
  ms: number;
  error?: Error;
}

export interface CommitParts {
  db: Db;
  outbox: Outbox;
  /** What rows that name a person are sealed with. */
  stateKey: Buffer;
  now: () => number;
  /** After each batch: events up to the position `last` are on disk. */
  committed: (last: number) => void;
  /** Throws where what was opened is not what lies on the disk any more. */
  guard?: () => void;
  /** The disk begins to refuse, or refuses for another reason. */
  failed: (error: Error) => void;
  /** The disk takes again what it refused. */
  recovered?: () => void;
  timers?: Timers;
}

export function createCommit(parts: CommitParts): Commit {
  const { db, outbox, now, committed, guard = () => {}, timers = systemTimers } = parts;
  const writeState = stateWriter(db, parts.stateKey);
  const writeAudit = auditWriter(db);
  let batch: { outcome: Outcome; done: () => void }[] = [];
  /** Calls off the flush that is due. */
  let callOff: (() => void) | undefined;
  /** Why the disk refuses. */
  let failure: string | undefined;
  let waiting: (() => void)[] = [];
  let tried: (batch: TriedBatch) => void = () => {};
  const counts = { refusals: 0, recoveries: 0 };
  /** When a batch looked last for what has expired, and found no more of it. */
  let expiredAt = Number.NEGATIVE_INFINITY;
  /** A sync failed: what the journal holds may not be on the disk. */
  let isJournalInDoubt = false;

  /** True where nothing is left that has expired. */
  const write = db.transaction((outcomes: readonly Outcome[], at: number): boolean => {
    const isExpiryOver = !isExpiryDue() || !outbox.expire(at);
    writeState(lastOfEach(outcomes.flatMap(({ changes }) => changes)));
    // Before the certificates of erasures, which carry its head.
    writeAudit(
      outcomes.flatMap(({ audit }) => audit),
      at,
    );
    outbox.store(outcomes, at);
    return isExpiryOver;
  });

  function isExpiryDue(): boolean {
    return timers.monotonic() - expiredAt >= EXPIRE_EVERY;
  }

  /** Writes the batch, in a transaction of its own; throws where nothing of it is on disk. */
  function writeBatch(): void {
    const lasting = batch.flatMap(({ outcome }) => (isLasting(outcome) ? [outcome] : []));
    if (lasting.length === 0) return;
    guard();
    if (isJournalInDoubt) renewJournal(db);
    isJournalInDoubt = false;
    const isExpiryOver = write(lasting, now());
    if (isExpiryOver && isExpiryDue()) expiredAt = timers.monotonic();
    if (lasting.some(({ purge }) => purge.length > 0)) emptyJournal();
  }

  function doubt(error: Error): void {
    if ((error as { code?: unknown }).code === 'SQLITE_IOERR_FSYNC') isJournalInDoubt = true;
  }

  /** What was erased stands in the write-ahead log until that is emptied (`secure_delete` does the rest). */
  function emptyJournal(): void {
    try {
      withoutPatience(db, () => db.pragma('wal_checkpoint(TRUNCATE)'));
    } catch (error) {
      // Somebody reads beside us: the next one empties it.
      if (!isDiskRefusing(error)) throw error;
    }
  }

  function flush(): void {
    callOff?.();
    callOff = undefined;
    const signals = batch.length;
    const startedAt = timers.monotonic();
    const took = () => ({ signals, ms: timers.monotonic() - startedAt });
    try {
      writeBatch();
    } catch (error) {
      tried({ ...took(), error: error as Error });
      return fail(error as Error);
    }
    tried(took());
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
    doubt(error);
    callOff = timers.after(RETRY_AFTER, flush);
    if (failure === undefined) counts.refusals += 1;
    const isNews = failure !== error.message;
    failure = error.message;
    if (isNews) parts.failed(error);
  }

  function recover(): void {
    failure = undefined;
    counts.recoveries += 1;
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
    counts: () => ({ ...counts }),
    whenTried(listener) {
      tried = listener;
    },
    doubt,
    close() {
      callOff?.();
      writeBatch();
      settle();
    },
  };
}

/**
 * Brings all that was committed from the write-ahead log into the database and lets the log begin anew, after
 * a sync that failed.
 *
 * A failed fsync leaves the pages that it did not write marked clean: the next fsync says that all is well,
 * and they are not on the disk (the "fsync gate": Rebello et al., Can Applications Recover from fsync
 * Failures?, USENIX ATC 2020). The batch itself is safe: SQLite takes the log back to where the transaction
 * began (`sqlite3WalUndo` in wal.c), so that the retry writes the same frames at the same places, which makes
 * their pages dirty again, and syncs them. What lies before it in the log was synced, unless somebody did not
 * wait for it; and a log is read after a power cut only as far as its chain of checksums holds
 * (https://sqlite.org/fileformat2.html#walformat), so that one such frame would take all after it along. This
 * does not rest on there being none: a checkpoint writes what the log holds to the database file and syncs that,
 * and the frames that follow stand at the log's beginning, behind nobody's.
 * @throws where the disk refuses still, or somebody reads the log at this moment.
 */
function renewJournal(db: Db): void {
  const [result] = withoutPatience(db, () => db.pragma('wal_checkpoint(RESTART)')) as { busy: number }[];
  if (result?.busy !== 0) {
    throw Object.assign(new Error('the journal is being read and cannot begin anew'), {
      code: 'SQLITE_BUSY',
    });
  }
}

/** Does not stop the loop for who reads beside us, a backup for example. */
function withoutPatience<T>(db: Db, work: () => T): T {
  const patience = db.pragma('busy_timeout', { simple: true });
  db.pragma('busy_timeout = 0');
  try {
    return work();
  } finally {
    db.pragma(`busy_timeout = ${patience}`);
  }
}

/** What was changed twice in one batch is written once, as it is at its end. */
function lastOfEach(changes: readonly StateChange[]): StateChange[] {
  const last = new Map(changes.map((change) => [`${change.kind} ${change.key}`, change]));
  return [...last.values()];
}
