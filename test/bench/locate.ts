import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { replay } from '../../gateway/cli/replay.ts';
import { type Config, readConfig } from '../../gateway/config.ts';
import { createLocate } from '../../gateway/pipeline/locate.ts';
import { storeMap } from '../../gateway/store-map.ts';
import {
  type Place,
  placesOf,
  quantile,
  readWalks,
  recognised,
  type Score,
  score,
  type Walk,
} from './judge.ts';

/*
 * How well tags are located on recorded walks, judged at each whole second:
 *
 *   npx tsx test/bench/locate.ts <folder with walks> [--config hall.yaml] [--replay]
 *
 * Each walk begins with a gateway that knows nothing. `--replay` takes the whole road, as
 * `aisle replay --explain` does; without it the locating stage stands alone.
 */

const DATA = fileURLToPath(new URL('../gateway/cli/data/', import.meta.url));
/** The cost is measured over so many passes, the first ones not counted. */
const PASSES = 40;
const WARM_UP = 10;
/** So many people in the shop at once while it is measured. */
const PEOPLE = 10;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    config: { type: 'string', default: `${DATA}hall.yaml` },
    replay: { type: 'boolean', default: false },
  },
});
const [folder] = positionals;
if (folder === undefined)
  throw new Error('say which folder: npx tsx test/bench/locate.ts <folder with walks>');

const config = readConfig(values.config);
const map = storeMap(config.map);
const walks = readWalks(folder);
const judged = await Promise.all(walks.map(async (walk) => ({ walk, places: await places(walk, folder) })));

print(['walk', 's', 'right', 'changes', 'median', 'p90', 'delay', 'confidence', 'Brier']);
for (const one of judged) print(rowOf(one.walk.name, score([one])));
print(rowOf('all', score(judged)));
process.stdout.write(
  `${Math.round(microseconds())} µs of processor time a person and second, hearing included\n`,
);

async function places(walk: Walk, from: string): Promise<Place[]> {
  return values.replay ? replayed(config, join(from, `${walk.name}.jsonl`)) : placesOf(walk, map);
}

async function replayed(hall: Config, recording: string): Promise<Place[]> {
  const found: Place[] = [];
  const consents = `${DATA}consents.json`;
  await replay(hall, [recording], { consents, explain: true }, (line) => {
    const told = JSON.parse(line);
    if (told.kind === 'place') found.push(told);
  });
  return found;
}

function rowOf(name: string, one: Score): string[] {
  return [
    name,
    `${one.seconds}`,
    `${(one.right * 100).toFixed(1)} %`,
    `${one.changes} of ${one.trueChanges}`,
    `${one.medianError.toFixed(2)} m`,
    `${one.p90Error.toFixed(2)} m`,
    `${quantile(one.delays, 0.5).toFixed(1)} s`,
    `${(one.confidence * 100).toFixed(0)} %`,
    one.brier.toFixed(3),
  ];
}

function print(cells: readonly string[]): void {
  const [name = '', ...rest] = cells;
  process.stdout.write(`${name.padEnd(26)}${rest.map((cell) => cell.padStart(11)).join('')}\n`);
}

/** Processor time of a second of one person. */
function microseconds(): number {
  let spent = 0;
  let seconds = 0;
  for (let pass = 0; pass < PASSES; pass += 1) {
    for (const walk of walks) {
      const before = process.cpuUsage();
      const placed = crowded(walk);
      const { user, system } = process.cpuUsage(before);
      if (pass < WARM_UP) continue;
      spent += user + system;
      seconds += placed;
    }
  }
  return spent / seconds;
}

/** Everybody walks the same way. @returns persons × seconds */
function crowded({ readings }: Walk): number {
  const locate = createLocate(map);
  const people = Array.from({ length: PEOPLE }, (_, i) => `p${i}`);
  let second = Math.ceil((readings[0]?.at ?? 0) / 1_000) * 1_000;
  let placed = 0;
  for (const { at, receiver, rssi } of readings) {
    for (; second <= at; second += 1_000) {
      for (const ref of people) if (locate.place(ref, second)) placed += 1;
    }
    for (const ref of people) locate.hear(recognised(ref, receiver, rssi, at));
  }
  return placed;
}
