import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DayOptions, type DayResult, simulateDay } from './day.ts';
import { PARTS } from './plan.ts';
import { formsNotFound } from './planted.ts';
import type { Finding } from './search.ts';

/** The last line of a run. */
export interface Result {
  strangers: number;
  advertisements: number;
  hoursSimulated: number;
  bytesSearched: number;
  /** Marks of strangers, each once, wherever it was found. */
  marksFound: number;
  /** `<place>: <what the mark is> (<form>) × <how many>`. */
  where: string[];
  personalEvents: number;
  /** What is not there to be searched, or to be tried. */
  absent: string[];
  residue: DayResult['residue'];
  /** The gateway's soft limit of a core dump, octets: 0 is off (R1). */
  coreLimit: string;
  /** What else is wrong, in words. */
  wrong: string[];
  ok: boolean;
}

/** Places that `where` names at most. */
const MAX_WHERE = 20;
/** Addresses in a window fall into 2^20 buckets: that two share one is rare, that one counts twice impossible. */
const COUNTED_AT_LEAST = 0.97;

/** One day in a folder of its own, which is gone afterwards. `keep` leaves it, and says where it is. */
export async function runProof(
  options: DayOptions & { keep: boolean },
  say: (text: string) => void,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'privacy-proof-'));
  try {
    const blind = formsNotFound(folder);
    const day = await simulateDay(folder, options, say);
    return resultOf(options, day, blind);
  } finally {
    if (options.keep) say(`left in ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

function resultOf(options: DayOptions, day: DayResult, blind: readonly string[]): Result {
  const marksFound = new Set(day.findings.map(({ mark }) => mark)).size;
  const { personalEvents, hoursSimulated, bytesSearched, residue, coreLimit } = day;
  const wrong = wrongIn(day, blind);
  return {
    ...{ strangers: options.strangers, advertisements: options.advertisements },
    ...{ hoursSimulated, bytesSearched, marksFound, where: whereOf(day.findings), personalEvents },
    absent: [...missing(), ...day.absent],
    ...{ residue, coreLimit, wrong },
    ok: marksFound === 0 && wrong.length === 0,
  };
}

/** That nothing is found counts only where there was something to find, and eyes to see it. */
function wrongIn(
  { personalEvents, placesTold, points, sieve }: DayResult,
  blind: readonly string[],
): string[] {
  const { heard, passed, distinct, counted } = sieve;
  return [
    ...blind.map((form) => `a planted mark was not found as ${form}`),
    ...(personalEvents === 0 ? ['nobody who agreed was recognised: the gateway did nothing'] : []),
    ...(points === 0 ? ['InfluxDB has no point: its part proves nothing'] : []),
    ...(placesTold > 0 ? [`${placesTold} events tell a place of somebody who did not agree to that`] : []),
    ...(heard === 0 || passed >= heard ? [`the sieve let ${passed} of ${heard} frames through`] : []),
    ...(counted > distinct || counted < distinct * COUNTED_AT_LEAST
      ? [`the sieve counted ${counted} of ${distinct} addresses`]
      : []),
  ];
}

function missing(): string[] {
  return Object.entries(PARTS).flatMap(([name, isThere]) => (isThere ? [] : [name]));
}

function whereOf(findings: readonly Finding[]): string[] {
  const counts = new Map<string, number>();
  for (const { place, where, mark, form } of findings) {
    const text = `${place} ${where}: ${mark.what} (${form})`;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const most = [...counts].sort(([, a], [, b]) => b - a);
  const places = new Set(most.map(([text]) => text.split(' ')[0]));
  // Of each place something, however much there is of another.
  const share = Math.ceil(MAX_WHERE / Math.max(1, places.size));
  const named = [...places].flatMap((place) =>
    most.filter(([text]) => text.split(' ')[0] === place).slice(0, share),
  );
  return named.map(([text, count]) => `${text} × ${count}`);
}
