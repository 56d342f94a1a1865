import { readDatabase } from '../../../gateway/database.ts';

/** Looks at a running gateway's outbox from beside. */
export interface OutboxWatch {
  /** True once all up to this position have left. */
  isGone(position: number): boolean;
  waiting(): number;
  close(): void;
}

export function watchOutbox(folder: string): OutboxWatch {
  const db = readDatabase(folder);
  const oldest = db.prepare<[], { position: number }>(
    'SELECT position FROM events ORDER BY position LIMIT 1',
  );
  const counts = db.prepare<[], { waiting: number }>(
    `SELECT (SELECT value FROM meta WHERE key = 'position')
       - coalesce((SELECT value FROM counters WHERE name = 'gone'), 0) AS waiting`,
  );
  return {
    isGone: (position) => (oldest.get()?.position ?? Number.POSITIVE_INFINITY) > position,
    waiting: () => counts.get()?.waiting ?? 0,
    close: () => void db.close(),
  };
}
