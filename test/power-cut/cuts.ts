import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../gateway/config.ts';
import { openDisk } from './disk.ts';
import { draws, luck } from './luck.ts';
import { drawnPlaces, expectedAt } from './places.ts';
import type { Recording } from './recording.ts';
import type { Image } from './steps.ts';
import { type Verdict, verdictOn } from './verdict.ts';

/** What is looked at once and thrown away needs no disk. */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** What so many cuts came to. */
export interface Figures {
  cuts: number;
  /** Of the whole recording. */
  acknowledged: number;
  /** Cuts after which an acknowledged message was gone, and how many it was at worst. */
  lost: number;
  worst: number;
  corrupt: number;
  /** Cuts after which the ledger, or something that was to be gone, was not in order. */
  broken: number;
  /** The first of what was wrong, with what makes it again. */
  first?: string;
}

/** Cuts the power so often at places that the seed gives, and looks at what is left each time. */
export async function cutPower(
  recording: Recording,
  { cuts, seed, config }: { cuts: number; seed: number; config: Config },
): Promise<Figures> {
  const figures: Figures = {
    cuts,
    acknowledged: recording.acknowledged.length,
    lost: 0,
    worst: 0,
    corrupt: 0,
    broken: 0,
  };
  const data = mkdtempSync(join(MEMORY, 'aisle-cut-'));
  const places = drawnPlaces(recording, cuts, seed);
  for (const { place, image } of statesAt(recording, places, seed)) {
    const verdict = await verdictOn(image, expectedAt(recording, place), { ...config, data });
    count(figures, verdict, `seed ${seed}, step ${place} of ${recording.steps.length}`);
  }
  return figures;
}

function count(figures: Figures, { lost, corrupt, broken }: Verdict, where: string): void {
  if (lost.length > 0) figures.lost += 1;
  figures.worst = Math.max(figures.worst, lost.length);
  if (corrupt.length > 0) figures.corrupt += 1;
  if (broken.length > 0) figures.broken += 1;
  const [what] = [...corrupt, ...broken, ...lost];
  if (what !== undefined) figures.first ??= `${where}: ${what}`;
}

/** What the disk holds after each of these steps, to each its own luck. */
export function* statesAt(
  recording: Recording,
  places: readonly number[],
  seed: number,
): Generator<{ place: number; image: Image }> {
  const disk = openDisk(recording);
  let done = 0;
  for (const [i, place] of places.entries()) {
    for (const step of recording.steps.slice(done, place + 1)) disk.take(step);
    done = Math.max(done, place + 1);
    yield { place, image: disk.afterCut(luck(draws(seed * 1_000_003 + i))) };
  }
}
