import type { Place } from './floor-plan.ts';
import type { Random } from './seeded-random.ts';

/**
 * What reaches whom over the air at 2.4 GHz: log-distance path loss, shadowing by bodies and shelves that
 * changes slowly on each path, and fading that changes with every packet. A model to be plausible by, not
 * to be accurate by: exponent and deviations are those usually measured in shops and offices.
 */

/** Log-distance exponent indoors with people and shelves; 2 is free space. */
const EXPONENT = 2.3;
const SHADOWING_DB = 3;
/** Shadowing on one path is another one after about so long, ms. */
const SHADOWING_MS = 4_000;
const FADING_DB = 2;
/** A receiver understands half of the packets that arrive at this level, dBm, and all from 6 dB above. */
export const SENSITIVITY_DBM = -92;
const SOFT_EDGE_DB = 6;
/** Closer than this makes no difference, metres: antennas are not points. */
const NEAREST_M = 0.3;
/** What a receiver can report, dBm. */
const LOUDEST_DBM = -20;

/** Free of chance: the level, dBm, at `metres` of a transmitter that is heard with `atOneMetre` dBm at 1 m. */
export function pathLoss(atOneMetre: number, metres: number): number {
  return atOneMetre - 10 * EXPONENT * Math.log10(Math.max(metres, NEAREST_M));
}

export function distance(a: Place, b: Place): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

/** One packet on its way from a transmitter to a receiver. */
export interface Path {
  /** Names the transmitter: shadowing belongs to a pair. */
  from: string;
  to: string;
  metres: number;
  /** dBm */
  atOneMetre: number;
  /** ms, any clock that does not go back. */
  at: number;
}

export interface Air {
  /** The level, whole dBm, at which the packet arrives; nothing where it is not understood. */
  arrives(path: Path): number | undefined;
}

export function createAir(random: Random): Air {
  const shadows = new Map<string, { db: number; at: number }>();

  function shadowing({ from, to, at }: Path): number {
    const key = `${from} ${to}`;
    const before = shadows.get(key);
    const share = before ? Math.exp(-(at - before.at) / SHADOWING_MS) : 0;
    // First-order autoregression: the deviation stays what it is however often one looks.
    const db = share * (before?.db ?? 0) + Math.sqrt(1 - share * share) * SHADOWING_DB * random.normal();
    shadows.set(key, { db, at });
    return db;
  }

  return {
    arrives(path) {
      const level = pathLoss(path.atOneMetre, path.metres) + shadowing(path) + FADING_DB * random.normal();
      const understood = 0.5 + (level - SENSITIVITY_DBM) / (2 * SOFT_EDGE_DB);
      if (!random.chance(understood)) return undefined;
      return Math.round(Math.min(level, LOUDEST_DBM));
    },
  };
}
