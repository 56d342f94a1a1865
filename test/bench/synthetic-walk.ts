import { configSchema } from '../../gateway/config.ts';
import { seededRandom } from '../../gateway/seeded-random.ts';
import { type StoreMap, storeMap } from '../../gateway/store-map.ts';
import type { Truth, Walk } from './judge.ts';

/*
 * A tag's way through a made-up shop: it walks from place to place and stands there. Signals fall with the
 * distance and are disturbed as radio is: each receiver is odd by some dB, shadows belong to places (a smooth
 * random field for each receiver), the body is in the way on one side, fading is Rician, weak frames are lost.
 */

export interface Shop {
  /** Metres. */
  width: number;
  depth: number;
  /** Zones are the fields of a chessboard. */
  columns: number;
  rows: number;
  receivers: number;
  exponent: number;
  /** RSSI at 1 m, dBm. */
  power: number;
  seconds: number;
}

const FRAMES_A_SECOND = 2;
const LOST_FRAMES = 0.1;
const SENSITIVITY = -97;
const RECEIVER_SD = 3;
const SHADOW_SD = 4;
const SHADOW_LENGTH = 2;
const SHADOW_WAVES = 60;
const BODY_LOSS = 6;
/** Direct to scattered power. */
const RICIAN_K = 3;
const TAG_HEIGHT = 1.1;
const STEP = 0.05;
const START = 1_700_000_000_000;

export function syntheticWalk(shop: Shop, seed: number): { map: StoreMap; walk: Walk } {
  const random = randomNumbers(seed);
  const { map, receivers } = mapOf(shop, random);
  const air = receivers.map(() => ({
    odd: RECEIVER_SD * random.normal(),
    shadow: shadowField(random),
  }));
  const walk: Walk = { name: `synthetic-${seed}`, readings: [], truth: wayOf(shop, map, random) };
  const side = random.between(0, 2 * Math.PI);
  let heading = 0;
  for (const [i, here] of walk.truth.entries()) {
    const next = walk.truth[i + 1];
    if (next && (next.x !== here.x || next.y !== here.y))
      heading = Math.atan2(next.y - here.y, next.x - here.x);
    if (i % Math.round(1 / STEP / FRAMES_A_SECOND) !== 0) continue;
    for (const [k, { id, position }] of receivers.entries()) {
      const [dx, dy, dz] = [position[0] - here.x, position[1] - here.y, position[2] - TAG_HEIGHT];
      const metres = Math.max(0.3, Math.hypot(dx, dy, dz));
      const behind = Math.max(0, Math.cos(Math.atan2(dy, dx) - heading - side));
      const { odd, shadow } = air[k] ?? { odd: 0, shadow: () => 0 };
      const mean = shop.power - 10 * shop.exponent * Math.log10(metres) + odd - BODY_LOSS * behind;
      const rssi = Math.round(mean + shadow(here.x, here.y) + fading(random));
      const isHeard = rssi >= SENSITIVITY && random.uniform() >= LOST_FRAMES;
      if (isHeard) walk.readings.push({ at: here.at, receiver: id, rssi });
    }
  }
  return { map, walk };
}

type Random = ReturnType<typeof randomNumbers>;

function randomNumbers(seed: number) {
  const bytes = seededRandom(seed);
  const uniform = () => Buffer.from(bytes(4)).readUInt32LE() / 2 ** 32;
  return {
    uniform,
    between: (from: number, to: number) => from + (to - from) * uniform(),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

function mapOf({ width, depth, columns, rows, receivers: count }: Shop, random: Random) {
  const [w, d] = [width / columns, depth / rows];
  const zones = Array.from({ length: columns * rows }, (_, i) => {
    const [x, y] = [(i % columns) * w, Math.floor(i / columns) * d];
    return {
      id: `z${i}`,
      polygon: [
        [x, y],
        [x + w, y],
        [x + w, y + d],
        [x, y + d],
      ],
    };
  });
  const across = Math.ceil(Math.sqrt((count * width) / depth));
  const down = Math.ceil(count / across);
  const receivers = Array.from({ length: count }, (_, i) => ({
    id: `r${i}`,
    position: [
      (((i % across) + random.between(0.1, 0.9)) * width) / across,
      ((Math.floor(i / across) + random.between(0.1, 0.9)) * depth) / down,
      random.between(1.2, 3),
    ] as [number, number, number],
  }));
  const store = { id: 's', gateway: 'g', timezone: 'UTC' };
  const { map } = configSchema.parse({ store, mode: 'identify', map: { zones, receivers } });
  return { map: storeMap(map), receivers };
}

/** Smooth, Gaussian, zero mean: random Fourier features. */
function shadowField(random: Random): (x: number, y: number) => number {
  const waves = Array.from({ length: SHADOW_WAVES }, () => ({
    a: random.normal() / SHADOW_LENGTH,
    b: random.normal() / SHADOW_LENGTH,
    phase: random.between(0, 2 * Math.PI),
  }));
  const scale = SHADOW_SD * Math.sqrt(2 / SHADOW_WAVES);
  return (x, y) => scale * waves.reduce((sum, { a, b, phase }) => sum + Math.cos(a * x + b * y + phase), 0);
}

/** dB about the mean power. */
function fading(random: Random): number {
  const scattered = Math.sqrt(0.5 / (RICIAN_K + 1));
  const inPhase = Math.sqrt(RICIAN_K / (RICIAN_K + 1)) + scattered * random.normal();
  return 10 * Math.log10(inPhase ** 2 + (scattered * random.normal()) ** 2);
}

/** From place to place at 0.4 to 1.3 m/s; at most of them the tag stays for a while. */
function wayOf({ width, depth, seconds }: Shop, map: StoreMap, random: Random): Truth[] {
  const truth: Truth[] = [];
  let [x, y] = [width / 2, depth / 2];
  let [toX, toY, speed, rest] = [x, y, 1, 3];
  for (let i = 0; i < seconds / STEP; i += 1) {
    const metres = Math.hypot(toX - x, toY - y);
    if (rest > 0) rest -= STEP;
    else if (metres < 0.1) {
      [toX, toY] = [random.between(0.5, width - 0.5), random.between(0.5, depth - 0.5)];
      speed = random.between(0.4, 1.3);
      rest = random.uniform() < 0.6 ? random.between(3, 30) : 0;
    } else {
      const share = Math.min(1, (speed * STEP) / metres);
      [x, y] = [x + share * (toX - x), y + share * (toY - y)];
    }
    truth.push({ at: START + Math.round(i * STEP * 1_000), x, y, zone: map.zoneAt(x, y) ?? 'unknown' });
  }
  return truth;
}
