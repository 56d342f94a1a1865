import { hash } from 'node:crypto';
import type { Db } from './database.ts';
import type { AuditEntry } from './pipeline/outcome.ts';

/*
 * The proof of what was agreed to, taken back, erased and switched (R12; GDPR art. 7(1)): a table to which
 * lines are only added, each holding a hash over itself and the line before. Whoever changes, removes or
 * slips in a line breaks the chain from there on; whoever cuts off its end, or makes the whole of it anew,
 * is found out by a head that is kept elsewhere: every certificate of an erasure carries one.
 */

/** For a migration. The triggers keep our own mistakes out; against others there is the chain. */
export const AUDIT_TABLE = `CREATE TABLE IF NOT EXISTS audit (
     n INTEGER PRIMARY KEY,
     at INTEGER NOT NULL,
     what TEXT NOT NULL,
     record TEXT,
     version INTEGER,
     detail TEXT,
     hash BLOB NOT NULL
   );
   CREATE TRIGGER IF NOT EXISTS audit_is_not_changed BEFORE UPDATE ON audit
     BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;
   CREATE TRIGGER IF NOT EXISTS audit_is_not_shortened BEFORE DELETE ON audit
     BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;`;

/** The last line: how many there are, and the hash (32 octets) that stands for all of them. */
export interface AuditHead {
  n: number;
  hash: Buffer;
}

/** A line as it is stored. `at` is ms since the epoch. */
export interface AuditLine {
  n: number;
  at: number;
  what: string;
  record: string | null;
  version: number | null;
  detail: string | null;
}

export type AuditVerdict =
  | { ok: true; entries: number; head: AuditHead }
  | { ok: false; entries: number; brokenAt: number; reason: string };

/** What the first line is chained to. */
const BEGINNING = Buffer.alloc(32);

/** Adds entries, in their order; to be called inside the transaction of what they tell of. */
export function auditWriter(db: Db): (entries: readonly AuditEntry[], at: number) => void {
  const insert = db.prepare('INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)');
  const last = headStatement(db);
  return (entries, at) => {
    if (entries.length === 0) return;
    // Asked each time: a transaction that was rolled back leaves no trace in memory.
    let { n, hash } = last.get() ?? { n: 0, hash: BEGINNING };
    for (const { what, recordId = null, version = null, detail = null } of entries) {
      n += 1;
      const line = { n, at, what, record: recordId, version, detail };
      hash = chained(hash, line);
      insert.run(n, at, what, recordId, version, detail, hash);
    }
  };
}

/** The head to be kept elsewhere; of an empty audit `n` is 0 and the hash is zeros. */
export function auditHead(db: Db): AuditHead {
  return headStatement(db).get() ?? { n: 0, hash: BEGINNING };
}

/** A head as text, `<n>:<64 hex digits>`. */
export function headText({ n, hash }: AuditHead): string {
  return `${n}:${hash.toString('hex')}`;
}

/** @throws where the text is not a head. */
export function parseHead(text: string): AuditHead {
  const [, n, hex] = /^(\d{1,15}):([0-9a-f]{64})$/i.exec(text) ?? [];
  if (n === undefined || hex === undefined) {
    throw new Error(`${text}: is not a head: <number of entries>:<64 hex digits>, as audit verify prints it`);
  }
  return { n: Number(n), hash: Buffer.from(hex, 'hex') };
}

/**
 * Walks the whole chain. With `known`, a head kept elsewhere, an end that was cut off and a chain that was
 * made anew are found too. `brokenAt` is the first line that is not as it was written.
 */
export function verifyAudit(db: Db, known?: AuditHead): AuditVerdict {
  const lines = db.prepare<[], AuditLine & { hash: unknown }>('SELECT * FROM audit ORDER BY n');
  let head: AuditHead = { n: 0, hash: BEGINNING };
  let entries = 0;
  for (const { hash: written, ...line } of lines.iterate()) {
    const broken = (reason: string): AuditVerdict => ({ ok: false, entries, brokenAt: head.n + 1, reason });
    if (line.n !== head.n + 1) return broken(`entry ${head.n + 1} is missing, ${line.n} comes next`);
    const hash = chained(head.hash, line);
    if (!Buffer.isBuffer(written) || !written.equals(hash)) {
      return broken(`entry ${line.n} is not what was written, or not where it was written`);
    }
    if (known?.n === line.n && !known.hash.equals(hash)) {
      return broken(`entry ${line.n} is not the one that the head was kept of`);
    }
    head = { n: line.n, hash };
    entries += 1;
  }
  if (known && known.n > head.n) {
    const reason = `entries ${head.n + 1} to ${known.n} are missing: the head was kept when there were ${known.n}`;
    return { ok: false, entries, brokenAt: head.n + 1, reason };
  }
  return { ok: true, entries, head };
}

function headStatement(db: Db) {
  return db.prepare<[], AuditHead>('SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1');
}

/** SHA-256 over the hash before and the line as JSON, its fields always in this order. */
function chained(before: Buffer, { n, at, what, record, version, detail }: AuditLine): Buffer {
  const line = Buffer.from(JSON.stringify([n, at, what, record, version, detail]));
  return hash('sha256', Buffer.concat([before, line]), 'buffer');
}
