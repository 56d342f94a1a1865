import { EXPONENTS } from './path-loss.ts';

/*
 * What the shop's radio is like, learnt from everybody's readings while they are located: how steeply
 * signals fall with distance, which anchors hear too much or too little, which have gone silent. About
 * the shop alone: nothing of it belongs to a person.
 */

/** Successive readings share their shadows: a second's say on the exponent counts so much at most. */
const EXPONENT_SHARE = 0.2;
/** An exponent that seemed wrong can come back: its log weight stays above this. */
const LEAST_LOG_WEIGHT = -10;

/** Receivers of one type differ by about so much, as do their places on wall and ceiling, dB. */
const OFFSET_SD = 4;
/** One second says so little about an offset: it is mostly shadow, dB. */
const OFFSET_NOISE = 6;
/** Offsets stay open to change, dB² a second. */
const OFFSET_DRIFT = 0.001;
/** An anchor that was just heard works; one never heard probably does. */
const TRUST_HEARD = 0.98;
const TRUST_UNHEARD = 0.95;
const LEAST_TRUST = 0.02;

/** A deviation from what path loss alone explains: mean in dB, variance in dB². */
export interface Offset {
  mean: number;
  variance: number;
}

export interface ShopRadio {
  /** How likely each of `EXPONENTS` is; sums to 1. */
  exponents(): readonly number[];
  /** `evidence[i]`: how well `EXPONENTS[i]` explained a second's readings, up to a common factor. */
  learnExponent(evidence: readonly number[], novelty: number): void;
  /** Of the anchor with this index. */
  offset(anchor: number): Offset;
  /** The anchor deviated by `dB`, known to within `variance`; `novelty` 0 to 1 is how much of that is new. */
  learnOffset(anchor: number, dB: number, variance: number, novelty: number): void;
  /** How likely the anchor works, 0 to 1. */
  trust(anchor: number): number;
  wasHeard(anchor: number): void;
  /** The anchor should have heard, or been heard, with this probability, and was not. */
  wasMissed(anchor: number, expected: number): void;
}

export function createShopRadio(anchors: number): ShopRadio {
  const logWeights = EXPONENTS.map(() => 0);
  let weights: number[] = EXPONENTS.map(() => 1 / EXPONENTS.length);
  const offsets = Array.from({ length: anchors }, () => ({ mean: 0, variance: OFFSET_SD ** 2 }));
  const trust = Array.from({ length: anchors }, () => TRUST_UNHEARD);
  const none: Offset = { mean: 0, variance: OFFSET_SD ** 2 };

  return {
    exponents: () => weights,
    learnExponent(evidence, novelty) {
      for (const [i, one] of evidence.entries()) {
        logWeights[i] =
          (logWeights[i] ?? 0) + EXPONENT_SHARE * novelty * Math.log(Math.max(one, Number.MIN_VALUE));
      }
      const best = Math.max(...logWeights);
      for (const [i, one] of logWeights.entries()) logWeights[i] = Math.max(one - best, LEAST_LOG_WEIGHT);
      const sum = logWeights.reduce((total, one) => total + Math.exp(one), 0);
      weights = logWeights.map((one) => Math.exp(one) / sum);
    },
    offset: (anchor) => offsets[anchor] ?? none,
    // A Kalman filter of one number.
    learnOffset(anchor, dB, variance, novelty) {
      const offset = offsets[anchor];
      if (!offset) return;
      const gain = offset.variance / (offset.variance + (OFFSET_NOISE ** 2 + variance) / novelty);
      offset.mean += gain * (dB - offset.mean);
      offset.variance = (1 - gain) * offset.variance + OFFSET_DRIFT;
    },
    trust: (anchor) => trust[anchor] ?? TRUST_UNHEARD,
    wasHeard(anchor) {
      trust[anchor] = TRUST_HEARD;
    },
    // Bayes: either it does not work, or it works and missed what it should have heard.
    wasMissed(anchor, expected) {
      const before = trust[anchor] ?? TRUST_UNHEARD;
      trust[anchor] = Math.max(LEAST_TRUST, (before * (1 - expected)) / (1 - before * expected));
    },
  };
}
