import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Commit, createCommit } from '../../gateway/commit.ts';
import { type Db, openDatabase, readDatabase, storedState } from '../../gateway/database.ts';
import { outboxCounts } from '../../gateway/outbox/counts.ts';
import { emptyOutcome, type Outcome } from '../../gateway/pipeline/outcome.ts';
import { systemTimers } from '../../gateway/timers.ts';
import { until } from '../support/until.ts';
import {
  erasureOf,
  KEY,
  outcome,
  personal,
  press,
  TEN,
  type TestStore,
  testStore,
} from './outbox/event-store.ts';

interface TestCommit extends TestStore {
  commit: Commit;
  /** What happened, in order: `done <n>`, `committed <last>`, `failed <reason>`, `recovered`. */
  log: string[];
  add(n: number, what?: Outcome): void;
  /** The wall clock, and what the monotonic one says beside the time that really passes. */
  clock: { now: number; ahead: number };
  guard: { refuses: boolean };
}

function testCommit(): TestCommit {
  const store = testStore();
  const log: string[] = [];
  const clock = { now: TEN, ahead: 0 };
  const guard = { refuses: false };
  const commit = createCommit({
    db: store.db,
    outbox: store.outbox,
    stateKey: KEY,
    now: () => clock.now,
    timers: { ...systemTimers, monotonic: () => systemTimers.monotonic() + clock.ahead },
    guard() {
      if (guard.refuses) throw Object.assign(new Error('taken away'), { code: 'SQLITE_READONLY_DBMOVED' });
    },
    committed: (last) => log.push(`committed ${last}`),
    failed: (error) => log.push(`failed ${(error as Error & { code?: string }).code}`),
    recovered: () => log.push('recovered'),
  });
  onTestFinished(() => {
    heal(store.db);
    try {
      commit.close();
    } catch {
      // A batch that can never be written: what its test was about.
    }
  });
  const add = (n: number, what = outcome(press(n))) => commit.add(what, () => log.push(`done ${n}`));
  return { ...store, commit, log, add, clock, guard };
}

/** The disk is full: SQLite may not use one page more. */
const fill = (db: Db) => db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true })}`);
const heal = (db: Db) => {
  db.pragma('max_page_count = 1000000');
  db.pragma('query_only = OFF');
};
/** Enough that a full disk cannot take it into pages that have room. */
const large = (n: number): Outcome => outcome({ ...press(n), data: { text: 'x'.repeat(40_000) } });

/** What another process would find on the disk. */
function onDisk(folder: string): number {
  const db = openDatabase(folder);
  try {
    return outboxCounts(db).stored;
  } finally {
    db.close();
  }
}

it('P1: answers once the batch is on disk, in the order of arrival', async () => {
  const { folder, commit, log, add } = testCommit();
  commit.add(outcome(press(0)), () => log.push(`done with ${onDisk(folder)} on disk`));
  add(1);
  add(2);
  expect(log).toEqual([]);
  await until(() => log.length === 4, 'the batch');
  expect(log).toEqual(['done with 3 on disk', 'done 1', 'done 2', 'committed 3']);
});

it('answers at once what changes nothing for good, unless something before it waits', async () => {
  const { log, add } = testCommit();
  add(1, emptyOutcome());
  expect(log).toEqual(['done 1']);
  add(2);
  add(3, emptyOutcome());
  expect(log).toEqual(['done 1']);
  await until(() => log.includes('committed 1'), 'the batch');
  expect(log).toEqual(['done 1', 'done 2', 'done 3', 'committed 1']);
});

it('writes a full batch without waiting for more', () => {
  const { log, add } = testCommit();
  for (let n = 0; n < 256; n += 1) add(n);
  expect(log.at(-1)).toBe('committed 256');
});

it('writes events and state of one outcome together', async () => {
  const { db, log, add } = testCommit();
  const visit = { visitId: 'v1' };
  add(1, {
    ...emptyOutcome(),
    events: [personal('visit.started', 'p_1', 'v1')],
    changes: [{ kind: 'visit', key: 'v1', value: visit }],
  });
  add(2, {
    ...emptyOutcome(),
    purge: [erasureOf('p_1')],
    changes: [{ kind: 'visit', key: 'v1', value: null }],
  });
  await until(() => log.includes('done 2'), 'the batch');
  expect(storedState(db, KEY).get('visit').size).toBe(0);
  expect(db.prepare('SELECT name FROM events').pluck().all()).toEqual(['gateway.gap', 'subject.erased']);
});

describe('while the disk refuses', () => {
  it.each([
    ['full', fill, 'SQLITE_FULL'],
    ['read-only', (db: Db) => db.pragma('query_only = ON'), 'SQLITE_READONLY'],
  ])(
    '(%s) nothing is answered, and the same batch is taken once it takes again',
    async (_what, spoil, code) => {
      const { folder, db, commit, log, add } = testCommit();
      add(0, outcome());
      add(1);
      await until(() => log.includes('committed 1'), 'the first batch');
      log.length = 0;
      spoil(db);
      add(2, large(2));
      add(3);
      await until(() => commit.failing(), 'the refusal');
      add(4, emptyOutcome());
      // Three more attempts: told once.
      await new Promise((resolve) => setTimeout(resolve, 800));
      expect(log).toEqual([`failed ${code}`]);
      expect(onDisk(folder)).toBe(1);
      heal(db);
      await until(() => !commit.failing(), 'the disk');
      expect(log.slice(1)).toEqual(['done 2', 'done 3', 'done 4', 'committed 3', 'recovered']);
      expect(db.prepare('SELECT position FROM events').pluck().all()).toEqual([1, 2, 3]);
    },
  );

  it('signals wait before the pipeline, and come in their order when it takes again', async () => {
    const { db, commit, log, add } = testCommit();
    fill(db);
    add(1, large(1));
    await until(() => commit.failing(), 'the refusal');
    for (const n of [2, 3]) commit.whenHealthy(() => add(n));
    heal(db);
    await until(() => log.includes('done 3'), 'those that waited');
    expect(log.filter((line) => line.startsWith('done'))).toEqual(['done 1', 'done 2', 'done 3']);
  });

  it('what an answer brings with it is written too', async () => {
    const { db, commit, log, add } = testCommit();
    fill(db);
    commit.add(large(1), () => add(2));
    await until(() => commit.failing(), 'the refusal');
    heal(db);
    await until(() => log.includes('done 2'), 'what came with the answer');
  });

  it('the end says so, and nothing of the batch was answered', async () => {
    const { db, commit, log, add } = testCommit();
    fill(db);
    add(1, large(1));
    expect(() => commit.close()).toThrow(/full/);
    expect(log).toEqual([]);
  });
});

it('ends in order: what waits is written and answered', () => {
  const { folder, commit, log, add } = testCommit();
  add(1);
  commit.close();
  expect(log).toEqual(['done 1']);
  expect(onDisk(folder)).toBe(1);
});

it('does not try a mistake of ours for ever', () => {
  const { commit } = testCommit();
  const unwritable: Outcome = { ...emptyOutcome(), changes: [{ kind: 'visit', key: 'v', value: 1n }] };
  for (let n = 0; n < 255; n += 1) commit.add(outcome(press(n)), () => {});
  expect(() => commit.add(unwritable, () => {})).toThrow(/BigInt/);
});

it('takes out what has expired, with a batch, once a minute, whatever the wall clock says (P13)', async () => {
  const { outbox, log, add, clock } = testCommit();
  add(1, outcome(personal('visit.started', 'p_1', 'v1')));
  await until(() => log.includes('committed 1'), 'the first batch');
  clock.now = TEN + 73 * 3_600_000;
  add(2);
  await until(() => log.includes('committed 2'), 'the second batch');
  clock.ahead = 60_000;
  add(3);
  await until(() => log.includes('done 3'), 'the third batch');
  expect(log.at(-1)).toBe('committed 4');
  expect(outbox.counts()).toMatchObject({ stored: 4, declared: 1, waiting: 3 });
});

describe('after a sync that failed', () => {
  const FAILED = Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_FSYNC' });
  /** Of the header of the write-ahead log: new each time that it begins anew. */
  const salt = (folder: string) => readFileSync(join(folder, 'aisle.db-wal')).readUInt32BE(16);

  it('P1, F5: the journal begins anew before anything is acknowledged', async () => {
    const { folder, commit, log, add } = testCommit();
    add(1);
    await until(() => log.includes('committed 1'), 'the first batch');
    const before = salt(folder);
    add(2);
    await until(() => log.includes('committed 2'), 'the second batch');
    expect(salt(folder)).toBe(before);
    commit.doubt(FAILED);
    add(3);
    await until(() => log.includes('committed 3'), 'the third batch');
    expect(salt(folder)).not.toBe(before);
    expect(onDisk(folder)).toBe(3);
  });

  it('P1, F5: and nothing is, while a reader keeps it from that', async () => {
    const { folder, commit, log, add } = testCommit();
    add(1);
    await until(() => log.includes('committed 1'), 'the first batch');
    const reader = readDatabase(folder);
    onTestFinished(() => void reader.close());
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM events').get();
    commit.doubt(FAILED);
    add(2);
    await until(() => commit.failing(), 'the refusal');
    expect(log).not.toContain('done 2');
    reader.exec('COMMIT');
    await until(() => log.includes('done 2'), 'the second batch');
    expect(commit.counts()).toEqual({ refusals: 1, recoveries: 1 });
  });
});

it('P1: acknowledges nothing while the file is not the one that was opened', async () => {
  const { log, add, guard, commit } = testCommit();
  guard.refuses = true;
  add(1);
  await until(() => commit.failing(), 'the refusal');
  expect(log).toEqual(['failed SQLITE_READONLY_DBMOVED']);
  guard.refuses = false;
  await until(() => log.includes('done 1'), 'the batch');
});
