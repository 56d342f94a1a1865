import type { FloorGrid } from './floor-grid.ts';

/** A brisk pace, metres per root second: less of it lags behind somebody who walks on. */
const PACE = 1.5;
/** Now and then the estimate is plainly wrong: so likely, each second, somebody may be anywhere. */
const ASTRAY = 0.025;
/** Nobody goes farther than so many standard deviations. */
const REACH = 2.5;

/** Lets somebody walk for so long: spreads the probability of each cell over its neighbours. */
export function createWalking(grid: FloorGrid): (cells: Float64Array, seconds: number) => void {
  const { columns, rows, cellWidth, cellHeight } = grid;
  const size = columns * rows;
  const half = new Float64Array(size);
  return (cells, seconds) => {
    const metres = PACE * Math.sqrt(seconds);
    const across = kernelOf(metres / cellWidth);
    const along = kernelOf(metres / cellHeight);
    for (let row = 0; row < rows; row += 1) {
      spread(cells, half, { first: row * columns, length: columns, step: 1 }, across);
    }
    for (let column = 0; column < columns; column += 1) {
      spread(half, cells, { first: column, length: rows, step: columns }, along);
    }
    const astray = 1 - (1 - ASTRAY) ** seconds;
    for (let i = 0; i < size; i += 1) cells[i] = (cells[i] ?? 0) * (1 - astray) + astray / size;
  };
}

/** Half a Gaussian of this standard deviation in cells, from its middle outwards; the whole sums to 1. */
function kernelOf(sd: number): Float64Array {
  const length = Math.ceil(REACH * sd) + 1;
  const kernel = Float64Array.from({ length }, (_, i) => Math.exp(-0.5 * (i / sd) ** 2));
  const whole = kernel.reduce((sum, one) => sum + 2 * one, -1);
  return kernel.map((one) => one / whole);
}

/** A row or a column of cells. */
interface Line {
  first: number;
  length: number;
  step: number;
}

/** What would leave the floor stays at its edge. */
function spread(from: Float64Array, to: Float64Array, line: Line, kernel: Float64Array): void {
  const { first, length, step } = line;
  const reach = kernel.length - 1;
  for (let i = 0; i < length; i += 1) to[first + i * step] = 0;
  for (let i = 0; i < length; i += 1) {
    const probability = from[first + i * step] ?? 0;
    for (let d = -reach; d <= reach; d += 1) {
      const cell = first + Math.min(length - 1, Math.max(0, i + d)) * step;
      to[cell] = (to[cell] ?? 0) + probability * (kernel[Math.abs(d)] ?? 0);
    }
  }
}
