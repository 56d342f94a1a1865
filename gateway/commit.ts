import type { Db } from './database.ts';
import { stateWriter } from './database.ts';
import type { Outbox } from './outbox.ts';
import { isLasting, type Outcome } from './pipeline/outcome.ts';

/** A batch is written when this many signals wait for it … */
const BATCH_SIGNALS = 256;
/** … or so long after the first, ms: one fsync for all that came together. */
const LINGER = 2;
/** While the disk refuses, the same batch is tried again after so long, ms. */
const RETRY_AFTER = 250;

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
  now: () => number;
  /** After each batch: sequences up to `last` are on disk. */
  committed: (last: number) => void;
  failed: (error: Error) => void;
}

export function createCommit({ db, outbox, now, committed, failed }: CommitParts): Commit {
  const writeState = stateWriter(db);
  let batch: { outcome: Outcome; done: () => void }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isFailing = false;
  let waiting: (() => void)[] = [];

  const write = db.transaction((outcomes: readonly Outcome[]) => {
    for (const outcome of outcomes) {
      if (!isLasting(outcome)) continue;
      writeState(outcome.changes);
      outbox.store(outcome.events, outcome.purge, now());
    }
  });

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const writing = batch;
    if (writing.length === 0) return;
    if (writing.some(({ outcome }) => isLasting(outcome))) {
      try {
        write(writing.map(({ outcome }) => outcome));
      } catch (error) {
        isFailing = true;
        timer = setTimeout(flush, RETRY_AFTER);
        failed(error as Error);
        return;
      }
    }
    batch = [];
    for (const { done } of writing) done();
    committed(outbox.next() - 1);
    if (isFailing) recover();
  }

  function recover(): void {
    isFailing = false;
    const resumes = waiting;
    waiting = [];
    for (const resume of resumes) resume();
  }

  return {
    add(outcome, done) {
      // Nothing lasting and nothing before it that is not on disk yet: no need to wait.
      if (!isLasting(outcome) && batch.length === 0) return done();
      batch.push({ outcome, done });
      if (isFailing) return;
      if (batch.length >= BATCH_SIGNALS) flush();
      else timer ??= setTimeout(flush, LINGER);
    },
    failing: () => isFailing,
    whenHealthy: (resume) => void waiting.push(resume),
    close() {
      clearTimeout(timer);
      write(batch.map(({ outcome }) => outcome));
      const writing = batch;
      batch = [];
      for (const { done } of writing) done();
    },
  };
}
