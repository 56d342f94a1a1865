import type { Database } from 'better-sqlite3';

/** One answer ends after this many octets of JWS, but holds at least one message. */
const ANSWER_OCTETS = 1_048_576;
const ANSWER_MESSAGES = 100;

export interface Waiting {
  cursor: string;
  messages: string[];
}

export interface Downlink {
  /** Keeps the message; it is on disk when this returns, and who waits is woken. Returns its cursor. */
  enqueue(jws: string): string;
  /** The messages after a cursor, oldest first, and the cursor to ask with next. */
  after(cursor: string | undefined): Waiting;
  /** Resolves at the next message, at `wake`, or after `ms`. */
  next(ms: number): Promise<void>;
  wake(): void;
}

/**
 * Messages to the gateway, kept for ever and read by cursor. A cursor is `<database>-<number>`, padded
 * so that it also grows as text. One of another database starts again from the first message: the
 * gateway refuses what it has had (`version` and command ids only count once), and misses nothing.
 */
export function createDownlink(db: Database): Downlink {
  const generation = db.prepare<[], { generation: string }>('SELECT generation FROM meta').get()?.generation;
  const insert = db.prepare('INSERT INTO downlink (jws) VALUES (?)');
  const select = db.prepare<[number, number], { n: number; jws: string }>(
    'SELECT n, jws FROM downlink WHERE n > ? ORDER BY n LIMIT ?',
  );
  const waiting = new Set<() => void>();

  const cursorAt = (n: number) => `${generation}-${String(n).padStart(12, '0')}`;
  const numberOf = (cursor: string | undefined) => {
    const [, database, n] = cursor?.match(/^([0-9a-f]+)-(\d{12})$/) ?? [];
    return database === generation ? Number(n) : 0;
  };

  function wake(): void {
    for (const done of waiting) done();
  }

  return {
    enqueue(jws) {
      const { lastInsertRowid } = insert.run(jws);
      wake();
      return cursorAt(Number(lastInsertRowid));
    },
    after(cursor) {
      let n = numberOf(cursor);
      const messages: string[] = [];
      let octets = 0;
      for (const row of select.iterate(n, ANSWER_MESSAGES)) {
        octets += row.jws.length;
        if (messages.length > 0 && octets > ANSWER_OCTETS) break;
        messages.push(row.jws);
        n = row.n;
      }
      return { cursor: cursorAt(n), messages };
    },
    next: (ms) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        waiting.add(done);
      }),
    wake,
  };
}
