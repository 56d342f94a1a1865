import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Recognised } from '../../gateway/pipeline/identify.ts';
import { createLocate, type Locate } from '../../gateway/pipeline/locate.ts';
import type { StoreMap } from '../../gateway/store-map.ts';

/** A tag's way through a shop: what receivers heard of it, and where it really was. */
export interface Walk {
  name: string;
  readings: { at: number; receiver: string; rssi: number }[];
  truth: Truth[];
}

/** Where the tag was from `at` on, metres. */
export interface Truth {
  at: number;
  x: number;
  y: number;
  zone: string;
}

/** Where it was taken to be at a whole second. */
export interface Place {
  at: number;
  zone: string;
  x?: number | null;
  y?: number | null;
  confidence: number;
}

/** `<name>.jsonl` with `<name>.truth.jsonl` beside it, all of a folder. */
export function readWalks(folder: string): Walk[] {
  const names = readdirSync(folder).flatMap((file) => /^(.+)\.truth\.jsonl$/.exec(file)?.[1] ?? []);
  if (names.length === 0) throw new Error(`${folder}: no *.truth.jsonl there, so no walk to judge by`);
  return names.sort().map((name) => ({
    name,
    readings: readLines(join(folder, `${name}.jsonl`)) as Walk['readings'],
    truth: readLines(join(folder, `${name}.truth.jsonl`)) as Truth[],
  }));
}

function readLines(file: string): unknown[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line));
}

/** A reading as the stage before makes it. Who the subject is comes from `identify` alone, so this one is made up. */
export function recognised(ref: string, anchor: string, rssi: number | null, at: number, method = 'ibeacon') {
  return { subject: { ref }, anchor, rssi, at, method, confidence: 1 } as unknown as Recognised;
}

/** A walk through a fresh `Locate`, placed at each whole second of its clock. */
export function placesOf(walk: Walk, map: StoreMap, locate: Locate = createLocate(map)): Place[] {
  const places: Place[] = [];
  const first = walk.readings[0]?.at ?? 0;
  let second = Math.ceil(first / 1_000) * 1_000;
  for (const { at, receiver, rssi } of walk.readings) {
    for (; second <= at; second += 1_000) {
      const presence = locate.place('tag', second);
      if (presence) places.push({ ...presence, at: second });
    }
    locate.hear(recognised('tag', receiver, rssi, at));
  }
  return places;
}

/** How good the places are. Lengths in metres, times in seconds. */
export interface Score {
  seconds: number;
  /** Shares from 0 to 1. */
  right: number;
  /** Zone changes told, but for the first zone, and those that were. */
  changes: number;
  trueChanges: number;
  medianError: number;
  p90Error: number;
  /** From a border crossed to the zone told, where it was told while the tag was there. */
  delays: number[];
  /** Mean confidence: calibrated where it is near `right`. */
  confidence: number;
  /** Mean squared error of the confidence: 0 is best, 0.25 says nothing. */
  brier: number;
}

export function score(judged: { places: readonly Place[]; walk: Walk }[]): Score {
  const pairs = judged.flatMap(({ places, walk }) =>
    places.map((place) => [place, truthAt(walk, place.at)] as const),
  );
  const errors = pairs.flatMap(([{ x, y }, truth]) =>
    typeof x === 'number' && typeof y === 'number' ? Math.hypot(x - truth.x, y - truth.y) : [],
  );
  const isRight = ([place, truth]: (typeof pairs)[number]) => (place.zone === truth.zone ? 1 : 0);
  return {
    seconds: pairs.length,
    right: mean(pairs.map(isRight)),
    changes: sum(judged.map(({ places }) => changesOf(places.map(({ zone }) => zone)))),
    trueChanges: sum(judged.map(({ walk }) => changesOf(walk.truth.map(({ zone }) => zone)))),
    medianError: quantile(errors, 0.5),
    p90Error: quantile(errors, 0.9),
    delays: judged.flatMap(({ places, walk }) => delaysOf(places, walk)),
    confidence: mean(pairs.map(([{ confidence }]) => confidence)),
    brier: mean(pairs.map((pair) => (pair[0].confidence - isRight(pair)) ** 2)),
  };
}

export function truthAt({ truth }: Walk, at: number): Truth {
  const found = truth.findLast((one) => one.at <= at) ?? truth[0];
  if (!found) throw new Error('a walk without truth cannot be judged');
  return found;
}

function changesOf(zones: readonly string[]): number {
  const known = zones.filter((zone) => zone !== 'unknown');
  return known.filter((zone, i) => i > 0 && zone !== known[i - 1]).length;
}

function delaysOf(places: readonly Place[], { truth }: Walk): number[] {
  const entered = truth.filter(({ zone }, i) => i > 0 && zone !== truth[i - 1]?.zone);
  return entered.flatMap(({ at, zone }, i) => {
    const left = entered[i + 1]?.at ?? Number.POSITIVE_INFINITY;
    const told = places.find((place) => place.at >= at && place.at < left && place.zone === zone);
    return told ? (told.at - at) / 1_000 : [];
  });
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, one) => total + one, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
