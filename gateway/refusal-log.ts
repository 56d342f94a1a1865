import type { Logger } from 'pino';

/** A line for one kind and origin at most so often, ms: a flood of refusals must not fill the log. */
const PACE = 60_000;
/** Kinds and origins that are told apart; beyond, counting begins anew. */
const MAX_LINES = 1_000;

/** Logs what was turned away: the first at once, then one line a minute with a count. */
export function refusalLog(log: Logger, now: () => number): (what: string, origin: string) => void {
  const lines = new Map<string, { at: number; count: number }>();
  return (what, origin) => {
    const key = `${what} ${origin}`;
    const line = lines.get(key) ?? { at: -Infinity, count: 0 };
    line.count += 1;
    if (now() - line.at > PACE) {
      log.warn({ what, origin: origin.slice(0, 64), count: line.count }, 'refused');
      line.count = 0;
      line.at = now();
    }
    if (lines.size >= MAX_LINES) lines.clear();
    lines.set(key, line);
  };
}
