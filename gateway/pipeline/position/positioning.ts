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
  const audible = new Float64Array(size);
  const posterior = new Float64Array(size);

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
    posterior.set(belief.cells);
    if (heard.length === 0) return estimate();
    // A phone hears beacons at a power of its own, and one scan is too thin to learn it from.
    const powers = isScan ? EXPONENTS.map(() => UNKNOWN_POWER) : belief.powers;
    const readings = heard.map((one) => readingOf(one, isScan));
    const evidence = pathLoss.weigh(belief.cells, readings, powers, radio.exponents());
    posterior.set(belief.cells);
    considerSilence(readings, unheard, powers);
    const placed = estimate();
    if (!isScan && heard.length >= LEARN_FROM) learn(belief, readings, evidence, placed);
    return placed;
  }

  function readingOf({ anchor, rssi, readings }: Heard, isScan: boolean): Reading {
    const { loss, vagueness } = reachOf(anchor);
    const { mean, variance } = radio.offset(anchor);
    const fading = FADING_SD ** 2 / (isScan ? SCAN_READINGS : readings);
    const { exponent } = bestFit(belief0);
    return { anchor, loss, dBm: rssi - mean, weight: 1 / (SHADOW_SD ** 2 + fading + variance + vagueness * exponent ** 2) };
  }
  return { begin, walk, weigh };
}
