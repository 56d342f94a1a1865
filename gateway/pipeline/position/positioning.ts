import type { FloorGrid } from './floor-grid.ts';
import { createPathLoss, EXPONENTS, normalise, type Power, type Reading } from './path-loss.ts';
import { createShopRadio } from './shop-radio.ts';
import { createWalking } from './walking.ts';

/*
 * Where one person is: a probability for each cell of the floor, a Bayesian filter.
 *
 *   walk    spreads it by how far somebody walks
 *   weigh   multiplies it by how well each cell explains what was heard (path-loss.ts)
 *
 * What is heard tells of the person and of the shop at once. Of the person it teaches the power of the tag;
 * of the shop, over everybody, the path-loss exponent, what is odd about each anchor and whether it works
 * (shop-radio.ts).
 */

/** Walls, shelves and bodies move a reading by about so much from path loss, dB. */
const SHADOW_SD = 6;
/** One reading of a fading signal, dB; several average out. */
const FADING_SD = 5;
/** A whole scan has one value per beacon, made of about so many readings. */
const SCAN_READINGS = 3;

/** RSSI at 1 m of a tag of unknown make in an unknown pocket, dBm. */
const UNKNOWN_POWER: Readonly<Power> = { mean: -70, variance: 9 ** 2 };
/** It changes as the tag turns, dB² a second. */
const POWER_DRIFT = 0.01;
/** Successive readings share their shadows: a second's say on the power counts so much. */
const POWER_SHARE = 0.3;
/** Fewer anchors cannot tell distance, power and oddities apart: nothing is learnt from them. */
const LEARN_FROM = 4;
/** Shadows are others after so many metres; until then each second teaches so much of the one before. */
const NEW_PLACE = 2;
const NOVELTY_LEFT = 0.5;

/** About here receivers and phones stop hearing, dBm: never at −82, always at −98. */
const SENSITIVITY = -90;
const SENSITIVITY_WIDTH = 16;
/** A working anchor in range still misses so much: collisions, a scanner busy elsewhere. */
const MISSED = 0.2;

/** How sure it is that somebody is in the zone of before a restart. */
const RESUMED = 0.9;

/** What one person's signals say so far; forgotten with the person. */
export interface Belief {
  /** Probability of each cell. */
  cells: Float64Array;
  /** By exponent. */
  powers: Power[];
  /** Where this person is teaching, and how new that still is, 0 to 1. */
  lesson?: { x: number; y: number; novelty: number };
}

/** One anchor's readings since the last time: their mean in dBm and how many. */
export interface Heard {
  /** Index into the grid's reaches. */
  anchor: number;
  rssi: number;
  readings: number;
}

export interface Hearing {
  heard: readonly Heard[];
  /** Anchors that could have heard the tag, or been heard by the phone, and were not. */
  unheard: readonly number[];
  /** A phone's scan of beacons, and not a tag heard by receivers. */
  isScan: boolean;
}

export interface Estimate {
  /** Metres. */
  x: number;
  y: number;
  /** Probability of each zone, and as `unknown` that of being in none. */
  zones: ReadonlyMap<string, number>;
}

export interface Positioning {
  /** Somebody of whom nothing is known, or who was in this zone before a restart. */
  begin(zone?: string): Belief;
  walk(belief: Belief, seconds: number): void;
  /** Takes what was heard; nothing heard says nothing. @returns where that leaves the person */
  weigh(belief: Belief, hearing: Hearing): Estimate;
}

export function createPositioning(grid: FloorGrid): Positioning {
  const size = grid.x.length;
  const pathLoss = createPathLoss(size);
  const radio = createShopRadio(grid.reaches.length);
  const walking = createWalking(grid);
  const posterior = new Float64Array(size);
  const audible = new Float64Array(size);

  function begin(zone?: string): Belief {
    const cells = new Float64Array(size).fill(1 / size);
    const pieces = grid.pieces.filter((piece) => grid.zones[piece.zone] === zone);
    const area = pieces.reduce((sum, { share }) => sum + share, 0);
    if (zone !== undefined && area > 0) {
      cells.fill((1 - RESUMED) / size);
      for (const { cell, share } of pieces) cells[cell] = (cells[cell] ?? 0) + (RESUMED * share) / area;
    }
    return { cells, powers: EXPONENTS.map(() => ({ ...UNKNOWN_POWER })) };
  }

  function walk({ cells, powers }: Belief, seconds: number): void {
    walking(cells, seconds);
    for (const power of powers) {
      power.variance = Math.min(power.variance + POWER_DRIFT * seconds, UNKNOWN_POWER.variance);
    }
  }

  function weigh(belief: Belief, { heard, unheard, isScan }: Hearing): Estimate {
    const readings = heard.flatMap((one) => readingOf(one, isScan) ?? []);
    if (readings.length === 0) return estimateOf(belief.cells, grid);
    // A phone hears beacons at a power of its own, and one scan is too thin to learn it from.
    const powers = isScan ? EXPONENTS.map(() => UNKNOWN_POWER) : belief.powers;
    const evidence = pathLoss.weigh(belief.cells, readings, powers, radio.exponents());
    posterior.set(belief.cells);
    considerSilence(unheard, readings, powers);
    const estimate = estimateOf(posterior, grid);
    if (!isScan && readings.length >= LEARN_FROM) {
      const novelty = noveltyOf(belief, estimate);
      radio.learnExponent(evidence, novelty);
      learnPowers(belief.powers, readings);
      learnOffsets(belief.powers, readings, novelty);
    }
    return estimate;
  }

  /** A reading without what is odd about its anchor, weighted by how little else disturbs it. */
  function readingOf({ anchor, rssi, readings }: Heard, isScan: boolean): Reading | undefined {
    const reach = grid.reaches[anchor];
    if (!reach) return undefined;
    const { mean, variance } = radio.offset(anchor);
    const fading = FADING_SD ** 2 / (isScan ? SCAN_READINGS : readings);
    const vagueness = reach.vagueness * (EXPONENTS[likeliest()] ?? 0) ** 2;
    const weight = 1 / (SHADOW_SD ** 2 + fading + variance + vagueness);
    return { anchor, loss: reach.loss, dBm: rssi - mean, weight };
  }

  /** The index of the exponent. */
  function likeliest(): number {
    const weights = radio.exponents();
    return weights.indexOf(Math.max(...weights));
  }

  /**
   * What the anchors that were not heard say. It bears on the posterior and not on the belief: there it would
   * grow with each second, and an anchor that died would drive everybody near it into the next zone.
   */
  function considerSilence(
    unheard: readonly number[],
    readings: readonly Reading[],
    powers: readonly Readonly<Power>[],
  ): void {
    for (const { anchor } of readings) radio.wasHeard(anchor);
    for (const anchor of unheard) {
      const trust = radio.trust(anchor);
      findAudible(anchor, readings, powers);
      let expected = 0;
      for (let cell = 0; cell < size; cell += 1) {
        expected += (posterior[cell] ?? 0) * (audible[cell] ?? 0);
        posterior[cell] = (posterior[cell] ?? 0) * (1 - trust * (audible[cell] ?? 0));
      }
      normalise(posterior);
      radio.wasMissed(anchor, expected);
    }
  }

  /** How likely this anchor would be heard from each cell, if it works. */
  function findAudible(
    anchor: number,
    readings: readonly Reading[],
    powers: readonly Readonly<Power>[],
  ): void {
    const best = likeliest();
    const fit = pathLoss.fits[best];
    const loss = grid.reaches[anchor]?.loss;
    const { mean, variance } = powers[best] ?? UNKNOWN_POWER;
    const weight = readings.reduce((sum, one) => sum + one.weight, 0);
    const odd = radio.offset(anchor).mean;
    for (let cell = 0; cell < size; cell += 1) {
      const power = ((fit?.power[cell] ?? 0) * weight + mean / variance) / (weight + 1 / variance);
      const dBm = power - (fit?.exponent ?? 0) * (loss?.[cell] ?? 0) + odd;
      const share = (dBm - SENSITIVITY) / SENSITIVITY_WIDTH + 0.5;
      audible[cell] = (1 - MISSED) * Math.min(1, Math.max(0, share));
    }
  }

  /** Whoever stands, stands in the same shadows: each second teaches less about the shop. */
  function noveltyOf(belief: Belief, { x, y }: Estimate): number {
    const { lesson } = belief;
    const isSamePlace = lesson && Math.hypot(x - lesson.x, y - lesson.y) < NEW_PLACE;
    belief.lesson = isSamePlace
      ? { ...lesson, novelty: lesson.novelty * NOVELTY_LEFT }
      : { x, y, novelty: 1 };
    return belief.lesson.novelty;
  }

  function learnPowers(powers: Power[], readings: readonly Reading[]): void {
    const weight = POWER_SHARE * readings.reduce((sum, one) => sum + one.weight, 0);
    for (const [i, power] of powers.entries()) {
      const asked = momentsOf(posterior, pathLoss.fits[i]?.power ?? posterior);
      const precision = 1 / power.variance + weight;
      power.mean = (power.mean / power.variance + weight * asked.mean) / precision;
      power.variance = 1 / precision + (weight / precision) ** 2 * asked.variance;
    }
  }

  function learnOffsets(powers: readonly Power[], readings: readonly Reading[], novelty: number): void {
    const best = likeliest();
    const exponent = EXPONENTS[best] ?? 0;
    const power = powers[best]?.mean ?? UNKNOWN_POWER.mean;
    for (const { anchor, dBm, loss } of readings) {
      const { mean, variance } = momentsOf(posterior, loss);
      const odd = dBm + radio.offset(anchor).mean - (power - exponent * mean);
      radio.learnOffset(anchor, odd, exponent * exponent * variance, novelty);
    }
  }

  return { begin, walk, weigh };
}

function estimateOf(cells: Float64Array, grid: FloorGrid): Estimate {
  const zones = new Float64Array(grid.zones.length + 1);
  for (const { cell, zone, share } of grid.pieces)
    zones[zone] = (zones[zone] ?? 0) + share * (cells[cell] ?? 0);
  const named = [...grid.zones, 'unknown'].map((zone, i) => [zone, zones[i] ?? 0] as const);
  return { x: momentsOf(cells, grid.x).mean, y: momentsOf(cells, grid.y).mean, zones: new Map(named) };
}

/** Mean and variance of what each cell has. */
function momentsOf(cells: Float64Array, values: Float64Array): { mean: number; variance: number } {
  let mean = 0;
  let square = 0;
  for (let cell = 0; cell < cells.length; cell += 1) {
    const value = values[cell] ?? 0;
    const weighted = (cells[cell] ?? 0) * value;
    mean += weighted;
    square += weighted * value;
  }
  return { mean, variance: Math.max(0, square - mean * mean) };
}
