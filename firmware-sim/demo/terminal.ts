import type { ClosingLine } from './ledger.ts';
import type { Snapshot } from './show.ts';

/** The terminal of the demo: sentences, and under them one line that is written anew in its place. */
export interface Terminal {
  say(text: string): void;
  /** Nothing where it is not a terminal. */
  status(snapshot: Snapshot): void;
}

/** Cursor one line up, and that line cleared (ECMA-48 CUU, EL). */
const OVER_THE_LAST = '\x1b[1A\x1b[2K';

export function createTerminal(
  write: (line: string) => void,
  isTerminal: boolean,
  startedAt: number,
  now: () => number,
): Terminal {
  let shown: string | undefined;
  return {
    say(text) {
      write(shown === undefined ? text : `${OVER_THE_LAST}${text}`);
      if (shown !== undefined) write(shown);
    },
    status(snapshot) {
      if (!isTerminal) return;
      const line = statusLine(snapshot, now() - startedAt);
      write(shown === undefined ? line : `${OVER_THE_LAST}${line}`);
      shown = line;
    },
  };
}

export function statusLine(
  { phase, people, everybody, events, gateway, line, enrolled }: Snapshot,
  ms: number,
): string {
  const clock = `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}`;
  if (phase === 'opening')
    return `${clock}  the shop opens: ${enrolled.count} of ${enrolled.of || '?'} devices have their secret`;
  if (phase === 'closing') return `${clock}  the shop closes: devices say their last, everything drains`;
  return [
    `${clock}  ${people.length} known, ${everybody === null ? 'fewer than 10' : `about ${everybody}`} others`,
    `stored ${events.stored}, taken ${events.taken}, received ${events.received}, waiting ${events.waiting}`,
    `gateway ${gateway}, line ${line}`,
  ].join(' · ');
}

/** What people read at the end. */
export function closingTable(line: ClosingLine): string[] {
  const ms = (value: number | null) => (value === null ? '-' : `${value} ms`);
  const rows: [string, string | number, string][] = [
    ['messages sent', line.sent, 'by devices and ceiling receivers, QoS 1'],
    ['acknowledged', line.acked, 'once on disk'],
    ['events stored', line.stored, 'less declared removals'],
    ['taken by the uplink', line.forwarded, ''],
    ['received', line.received, 'by the profile store'],
    ['doubled', line.duplicates, 'effects that count twice'],
    ['lost', line.lost, 'events, and acknowledged presses without one'],
    ['about people', line.personalEvents, 'who agreed'],
    ["strangers' identifiers", line.unconsentedIdentifiersFound, 'found on disk, in logs, in what was sent'],
    [
      'publish to commit',
      ms(line.p50Ms),
      `half of the presses and thermostat turns; 99 of 100 in ${ms(line.p99Ms)}`,
    ],
  ];
  return rows.map(([name, value, what]) =>
    `${name.padEnd(24)}${String(value).padStart(8)}  ${what}`.trimEnd(),
  );
}
