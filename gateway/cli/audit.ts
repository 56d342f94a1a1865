import { headText, parseHead, verifyAudit } from '../audit.ts';
import type { Config } from '../config.ts';
import { withStoredDatabase } from './stored.ts';

/** Walks the audit's chain, beside a running gateway too. False where it is broken. */
export function verifyStoredAudit(
  config: Config,
  options: { head?: string; json?: boolean },
  out: (line: string) => void,
): boolean {
  const known = options.head === undefined ? undefined : parseHead(options.head);
  const verdict = withStoredDatabase(config, (db) => verifyAudit(db, known));
  const told = verdict.ok ? { ...verdict, head: headText(verdict.head) } : verdict;
  if (options.json) out(JSON.stringify(told));
  else out(sentenceOf(told));
  return verdict.ok;
}

type Told = { ok: true; entries: number; head: string } | { ok: false; brokenAt: number; reason: string };

function sentenceOf(told: Told): string {
  if (!told.ok) return `broken at entry ${told.brokenAt}: ${told.reason}`;
  return `sound: ${told.entries} entries, head ${told.head}`;
}
