/*
 * How well each cell explains what was heard, by log-distance path loss:
 *
 *   RSSI = power − 10·n·log10(metres) + Gaussian noise
 *
 * The power at 1 m is integrated out in closed form, so that it is the differences between anchors that
 * count; of the exponent n, several values are weighed.
 */

/** Path-loss exponents that are weighed against each other: 1.5 a hall, 2 free space, 3 many shelves. */
export const EXPONENTS = [1.5, 2, 2.5, 3] as const;

/** One anchor's reading. */
export interface Reading {
  /** Index into the grid's reaches. */
  anchor: number;
  /** 10·log10 of the metres to each cell. */
  loss: Float64Array;
  dBm: number;
  /** 1 / variance, 1/dB². */
  weight: number;
}

/** RSSI at 1 m, dBm: mean and variance. */
export interface Power {
  mean: number;
  variance: number;
}

/** How one exponent explains the readings last weighed, for each cell. */
export interface Fit {
  exponent: number;
  /** Squares that remain, weighted: twice the negative log likelihood. */
  misfit: Float64Array;
  /** The RSSI at 1 m that the readings alone ask for, dBm. */
  power: Float64Array;
}

export interface PathLoss {
  /**
   * Multiplies each cell by its likelihood and normalises.
   * @param powers what is known of the power, by exponent
   * @param weights how likely each exponent is
   * @returns how well each exponent explained the readings, up to a common factor
   */
  weigh(
    cells: Float64Array,
    readings: readonly Reading[],
    powers: readonly Power[],
    weights: readonly number[],
  ): number[];
  /** By exponent; overwritten by the next `weigh`. */
  fits: readonly Fit[];
}

export function createPathLoss(size: number): PathLoss {
  // Made once and overwritten each time: a person's second costs no garbage.
  const scratch = () => new Float64Array(size);
  const fits: Fit[] = EXPONENTS.map((exponent) => ({ exponent, misfit: scratch(), power: scratch() }));
  const [losses, squares, products, likelihood] = [scratch(), scratch(), scratch(), scratch()] as const;

  /** The weighted sums over the readings that least squares need, for each cell. */
  function sum(readings: readonly Reading[]): void {
    for (const sums of [losses, squares, products]) sums.fill(0);
    for (const { weight, dBm, loss } of readings) {
      for (let cell = 0; cell < size; cell += 1) {
        const one = loss[cell] ?? 0;
        const weighted = weight * one;
        losses[cell] = (losses[cell] ?? 0) + weighted;
        squares[cell] = (squares[cell] ?? 0) + weighted * one;
        products[cell] = (products[cell] ?? 0) + weighted * dBm;
      }
    }
  }

  /** @returns the least misfit of all cells */
  function explain({ exponent: n, misfit, power }: Fit, readings: readonly Reading[], known: Power): number {
    const weight = readings.reduce((total, one) => total + one.weight, 0);
    const value = readings.reduce((total, one) => total + one.weight * one.dBm, 0);
    const square = readings.reduce((total, one) => total + one.weight * one.dBm ** 2, 0);
    const prior = known.mean / known.variance;
    let least = Number.POSITIVE_INFINITY;
    for (let cell = 0; cell < size; cell += 1) {
      const asked = value + n * (losses[cell] ?? 0);
      const all = square + 2 * n * (products[cell] ?? 0) + n * n * (squares[cell] ?? 0) + known.mean * prior;
      const explained = (asked + prior) ** 2 / (weight + 1 / known.variance);
      misfit[cell] = all - explained;
      power[cell] = asked / weight;
      least = Math.min(least, all - explained);
    }
    return least;
  }

  /** @returns the evidence for the exponent: its mean likelihood over where the person may be */
  function addLikelihood({ misfit }: Fit, weight: number, least: number, cells: Float64Array): number {
    let evidence = 0;
    for (let cell = 0; cell < size; cell += 1) {
      const one = Math.exp(-0.5 * ((misfit[cell] ?? 0) - least));
      evidence += (cells[cell] ?? 0) * one;
      likelihood[cell] = (likelihood[cell] ?? 0) + weight * one;
    }
    return evidence;
  }

  return {
    fits,
    weigh(cells, readings, powers, weights) {
      sum(readings);
      const leasts = fits.map((one, i) => explain(one, readings, powers[i] ?? { mean: 0, variance: 1 }));
      const least = Math.min(...leasts);
      likelihood.fill(0);
      const evidence = fits.map((one, i) => addLikelihood(one, weights[i] ?? 0, least, cells));
      for (let cell = 0; cell < size; cell += 1) cells[cell] = (cells[cell] ?? 0) * (likelihood[cell] ?? 0);
      normalise(cells);
      return evidence;
    },
  };
}

/** Makes the cells sum to 1. */
export function normalise(cells: Float64Array): void {
  const total = cells.reduce((sum, one) => sum + one, 0);
  for (let cell = 0; cell < cells.length; cell += 1) cells[cell] = (cells[cell] ?? 0) / total;
}
