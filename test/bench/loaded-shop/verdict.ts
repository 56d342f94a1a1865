import { join } from 'node:path';
import Database from 'better-sqlite3';
import { judge, type LedgerEvent } from '../../support/ledger.ts';

/** Above it the judge, who holds everything in memory, does not look at each event. */
const JUDGED = 300_000;

export interface Verdict {
  received: number;
  /** Deliveries of what was there already, and without effect. */
  redelivered: number;
  /** Acknowledged presses that are not there. */
  lost: number;
  /** Presses that are there more than once, under ids of their own. */
  doubled: number;
  /** Sequences that are neither there nor declared. */
  holes: number;
  /** What the judge of all tests about loss says, where it can hold that much. */
  broken?: readonly string[];
}

/** What the stand-in profile store holds, against what devices were acknowledged: so many of each, from 1. */
export function verdictOn(folder: string, acknowledged: ReadonlyMap<string, number>): Verdict {
  const db = new Database(join(folder, 'profiles/profile-store.db'), { readonly: true });
  const one = (sql: string) => db.prepare<[], number>(sql).pluck().get() ?? 0;
  const seen = new Map([...acknowledged].map(([id, count]) => [id, new Uint8Array(count + 1)]));
  let doubled = 0;
  const causes = db
    .prepare<[], string>(
      "SELECT json_extract(event, '$.causationid') FROM events WHERE type LIKE '%pressed%'",
    )
    .pluck();
  for (const cause of causes.iterate()) {
    const [id = '', boot, seq] = cause.split('/');
    if (boot !== 'day') continue;
    const marks = seen.get(id);
    if (marks?.[Number(seq)] === 1) doubled += 1;
    marks?.fill(1, Number(seq), Number(seq) + 1);
  }
  const lost = [...seen.values()].reduce(
    (sum, marks) => sum + marks.subarray(1).reduce((n, mark) => n + (mark === 0 ? 1 : 0), 0),
    0,
  );
  const received = one('SELECT count(*) FROM events');
  const verdict = {
    received,
    redelivered: one("SELECT n FROM counters WHERE name = 'duplicates'"),
    lost,
    doubled,
    holes: one(
      'SELECT coalesce(sum(n), 0) FROM (SELECT max(sequence) - count(*) AS n FROM events GROUP BY epoch)',
    ),
    ...(received <= JUDGED && {
      broken: judge({ acknowledged: causesOf(acknowledged), committed: all(db) }),
    }),
  };
  db.close();
  return verdict;
}

function* causesOf(acknowledged: ReadonlyMap<string, number>): Iterable<string> {
  for (const [id, count] of acknowledged) {
    for (let seq = 1; seq <= count; seq += 1) yield `${id}/day/${seq}`;
  }
}

function all(db: Database.Database): LedgerEvent[] {
  const rows = db.prepare<[], string>('SELECT event FROM events ORDER BY rowid').pluck().all();
  return rows.map((event) => JSON.parse(event) as LedgerEvent);
}
