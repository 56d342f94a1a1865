import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  AUDIT_TABLE,
  auditHead,
  auditWriter,
  headText,
  parseHead,
  verifyAudit,
} from '../../gateway/audit.ts';
import type { Db } from '../../gateway/database.ts';
import type { AuditEntry } from '../../gateway/pipeline/outcome.ts';

/** 2026-03-01T10:00:00Z, ms. */
const TEN = Date.UTC(2026, 2, 1, 10);

const granted = (n: number): AuditEntry => ({
  what: 'granted',
  recordId: `r${n}`,
  version: n,
  detail: 'recognition location',
});

function audit(): Db {
  const db = new Database(':memory:');
  onTestFinished(() => void db.close());
  db.exec(AUDIT_TABLE);
  return db;
}

/** Five entries in three transactions. */
function fiveEntries(): Db {
  const db = audit();
  const write = auditWriter(db);
  const store = db.transaction(write);
  store([granted(1), granted(2)], TEN);
  store([{ what: 'withdrawn', recordId: 'r1', version: 1 }], TEN + 1);
  store(
    [
      { what: 'erased', recordId: 'r2' },
      { what: 'mode', detail: 'anonymous: the consent list is too old' },
    ],
    TEN + 2,
  );
  return db;
}

/** Somebody with the file in hand, whom no trigger stops. */
function tamper(db: Db, statements: string): void {
  db.exec(`DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_shortened; ${statements}`);
}

describe('R12: the audit', () => {
  it('is sound as it was written, and its head counts the entries', () => {
    const db = fiveEntries();
    const head = auditHead(db);
    expect(head.n).toBe(5);
    expect(verifyAudit(db)).toEqual({ ok: true, entries: 5, head });
    expect(verifyAudit(db, head)).toMatchObject({ ok: true });
    expect(verifyAudit(audit())).toEqual({ ok: true, entries: 0, head: { n: 0, hash: Buffer.alloc(32) } });
  });

  it('is chained as anybody can recompute: SHA-256 over the hash before and the line as JSON', () => {
    const db = audit();
    auditWriter(db)([granted(1), { what: 'mode', detail: 'off' }], 7);
    const sha256 = (before: Buffer, json: string) =>
      createHash('sha256').update(before).update(json).digest();
    const first = sha256(Buffer.alloc(32), '[1,7,"granted","r1",1,"recognition location"]');
    expect(auditHead(db).hash).toEqual(sha256(first, '[2,7,"mode",null,null,"off"]'));
  });

  it.each([
    ['a changed purpose', "UPDATE audit SET detail = 'recognition' WHERE n = 2", 2],
    ['a changed time', 'UPDATE audit SET at = at + 1 WHERE n = 4', 4],
    ['a record named instead of none', "UPDATE audit SET record = 'r9' WHERE n = 5", 5],
    ['a hash that is none', "UPDATE audit SET hash = 'x' WHERE n = 3", 3],
    ['a removed line in the middle', 'DELETE FROM audit WHERE n = 3', 3],
    [
      'a removed line whose number is given to the next',
      'DELETE FROM audit WHERE n = 3; UPDATE audit SET n = n - 1 WHERE n > 3',
      3,
    ],
    ['a removed first line', 'DELETE FROM audit WHERE n = 1', 1],
    [
      'two lines that changed places',
      'UPDATE audit SET n = 9 WHERE n = 2; UPDATE audit SET n = 2 WHERE n = 3; UPDATE audit SET n = 3 WHERE n = 9',
      2,
    ],
    [
      'a line put between',
      'UPDATE audit SET n = -n WHERE n > 2; UPDATE audit SET n = 1 - n WHERE n < 0; INSERT INTO audit SELECT 3, at, what, record, version, detail, hash FROM audit WHERE n = 2',
      3,
    ],
    [
      'a line put at the end',
      'INSERT INTO audit SELECT 6, at, what, record, version, detail, hash FROM audit WHERE n = 5',
      6,
    ],
    [
      'a line put before the first',
      'INSERT INTO audit SELECT 0, at, what, record, version, detail, hash FROM audit WHERE n = 1',
      1,
    ],
  ])('%s breaks the chain there', (_, statements, brokenAt) => {
    const db = fiveEntries();
    tamper(db, statements);
    expect(verifyAudit(db)).toMatchObject({
      ok: false,
      brokenAt,
      reason: expect.stringContaining(`${brokenAt}`),
    });
  });

  it('with its end cut off is found out by a head that was kept elsewhere', () => {
    const db = fiveEntries();
    const head = auditHead(db);
    tamper(db, 'DELETE FROM audit WHERE n = 5');
    expect(verifyAudit(db)).toMatchObject({ ok: true, entries: 4 });
    expect(verifyAudit(db, head)).toMatchObject({
      ok: false,
      entries: 4,
      brokenAt: 5,
      reason: expect.stringMatching(/5 to 5 are missing/),
    });
  });

  it('made anew from the start is found out by a head that was kept elsewhere', () => {
    const head = auditHead(fiveEntries());
    const forged = audit();
    auditWriter(forged)([1, 2, 3, 4, 5, 6].map(granted), TEN);
    expect(verifyAudit(forged)).toMatchObject({ ok: true, entries: 6 });
    expect(verifyAudit(forged, head)).toMatchObject({ ok: false, brokenAt: 5 });
  });

  it('goes on from a head that was kept, which stays true', () => {
    const db = fiveEntries();
    const head = auditHead(db);
    auditWriter(db)([granted(6)], TEN + 3);
    expect(verifyAudit(db, head)).toMatchObject({ ok: true, entries: 6 });
  });

  it('refuses to be changed or shortened by this program', () => {
    const db = fiveEntries();
    expect(() => db.exec("UPDATE audit SET what = 'mode'")).toThrow('only added to');
    expect(() => db.exec('DELETE FROM audit')).toThrow('only added to');
  });

  it('has no trace of a transaction that was rolled back, and goes on without a hole', () => {
    const db = fiveEntries();
    const write = auditWriter(db);
    const failing = db.transaction(() => {
      write([granted(6)], TEN);
      throw new Error('the disk refuses');
    });
    expect(failing).toThrow();
    write([granted(7)], TEN);
    expect(verifyAudit(db)).toMatchObject({ ok: true, entries: 6 });
  });

  it('finds any change of any field of any line', () => {
    const text = fc.option(fc.string({ maxLength: 20 }), { nil: undefined });
    const entry = fc.record({
      what: fc.constantFrom('granted', 'withdrawn', 'expired', 'erased', 'mode'),
      recordId: text,
      version: fc.option(fc.nat(), { nil: undefined }),
      detail: text,
    });
    const column = fc.constantFrom('at', 'what', 'record', 'version', 'detail', 'hash');
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 12 }),
        fc.nat(),
        column,
        (entries, place, name) => {
          const db = new Database(':memory:');
          db.exec(AUDIT_TABLE);
          auditWriter(db)(entries as AuditEntry[], TEN);
          expect(verifyAudit(db)).toMatchObject({ ok: true, entries: entries.length });
          const n = (place % entries.length) + 1;
          tamper(db, '');
          db.prepare(`UPDATE audit SET ${name} = coalesce(${name}, '') || '1' WHERE n = ?`).run(n);
          expect(verifyAudit(db)).toMatchObject({ ok: false, brokenAt: n });
          db.close();
        },
      ),
      { numRuns: 200 },
    );
  });

  it('takes 250 entries in a few milliseconds', () => {
    const db = audit();
    const store = db.transaction(auditWriter(db));
    const entries = Array.from({ length: 250 }, (_, n) => granted(n));
    for (let i = 0; i < 20; i++) store(entries, TEN);
    const took = Array.from({ length: 20 }, () => {
      const before = performance.now();
      store(entries, TEN);
      return performance.now() - before;
    });
    // The quickest of them: what else runs on this machine is not the audit's doing.
    expect(Math.min(...took)).toBeLessThan(5);
  });
});

describe('a head as text', () => {
  it('is read as it is written', () => {
    const head = auditHead(fiveEntries());
    expect(headText(head)).toMatch(/^5:[0-9a-f]{64}$/);
    expect(parseHead(headText(head))).toEqual(head);
  });

  it.each(['', '5', '5:abcd', `x:${'0'.repeat(64)}`])('%o is refused', (text) => {
    expect(() => parseHead(text)).toThrow('is not a head');
  });
});
