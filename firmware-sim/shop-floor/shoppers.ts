import { type Button, buttons, DOOR, type Point, type Shelf, SIZE, shelves, TILL } from './floor-plan.ts';
import type { Random } from './seeded-random.ts';

/**
 * Who walks through the shop and what they do there. Seconds are the shoppers' own: with `--speed 2` two
 * pass in one. What a shopper decides comes from a stream of their own, so the same seed makes the same
 * errands, however the steps fall.
 */

/** How a shopper can be recognised by those who may; strangers by nobody. */
export type Carries = 'loyalty-tag' | 'app' | 'phone' | 'foreign-tag' | 'foreign-app';

export interface Shopper {
  index: number;
  /** The profile store's reference of somebody who agreed. */
  subjectRef?: string;
  carries: Carries;
  at: Point;
  inside: boolean;
  /** Metres a second. */
  pace: number;
  errands: Errand[];
  /** Seconds left where the shopper stands. */
  busyS: number;
  basket: { shelf: string; slot: number }[];
  random: Random;
}

type Errand =
  | { kind: 'shelf'; shelf: Shelf; to: Point }
  | { kind: 'button'; button: Button; to: Point }
  | { kind: 'look' | 'pay' | 'leave'; to: Point };

/** What a shopper does with the shop's things. */
export type Deed =
  | { kind: 'take'; shelf: string; slot: number; quantity: number }
  | { kind: 'put-back'; shelf: string; slot: number }
  | { kind: 'press'; button: string }
  | { kind: 'came' }
  | { kind: 'left' };

const STRANGERS: readonly Carries[] = ['phone', 'foreign-tag', 'phone', 'foreign-app'];
const ERRANDS = [4, 8] as const;
const WALL_M = 0.5;
/** Long enough outside that a visit ends (the gateway waits a minute at the entrance). */
const OUTSIDE_KNOWN_S = [65, 85] as const;
const OUTSIDE_STRANGER_S = [4, 15] as const;
/** How likely a shopper is to come back to a shelf, and to put something back there. */
const BACK_AT_A_SHELF = 0.3;
const PUT_BACK = 0.5;

/**
 * The shoppers of a day: the first `share` of them agreed, half with a tag, half with the app. All but two
 * are inside already, since the shop is open; these two come in by the door.
 */
export function shoppersOfTheDay(count: number, share: number, stream: (name: string) => Random): Shopper[] {
  const agreed = Math.round(count * share);
  return Array.from({ length: count }, (_, index) => {
    const random = stream(`shopper ${index}`);
    const isKnown = index < agreed;
    const known: Carries = index % 2 === 0 ? 'app' : 'loyalty-tag';
    const atTheDoor = index === 1 || index === agreed;
    const shopper: Shopper = {
      index,
      ...(isKnown && { subjectRef: `p_${index + 1}` }),
      carries: isKnown ? known : (STRANGERS[(index - agreed) % STRANGERS.length] as Carries),
      at: atTheDoor ? DOOR : somewhere(random),
      inside: !atTheDoor,
      pace: random.between(0.7, 1.2),
      errands: [],
      busyS: atTheDoor ? random.between(2, 5) : random.between(0, 4),
      basket: [],
      random,
    };
    if (shopper.inside) shopper.errands = errandsOf(random);
    return shopper;
  });
}

/** Moves a shopper on by `seconds` of their own time, from errand to errand, and tells what they did. */
export function step(shopper: Shopper, seconds: number): Deed[] {
  const deeds: Deed[] = [];
  let left = seconds;
  while (left > 0) {
    if (shopper.busyS > 0) {
      const wait = Math.min(shopper.busyS, left);
      shopper.busyS -= wait;
      left -= wait;
      continue;
    }
    if (!shopper.inside) {
      shopper.inside = true;
      shopper.at = DOOR;
      shopper.errands = errandsOf(shopper.random);
      deeds.push({ kind: 'came' });
    }
    const errand = shopper.errands[0];
    if (!errand) break;
    left = walk(shopper, errand.to, left);
    if (shopper.at === errand.to) deeds.push(...arrive(shopper, errand));
  }
  return deeds;
}

/** Returns the seconds that are left where the goal was reached. */
function walk(shopper: Shopper, to: Point, seconds: number): number {
  const [x, y] = shopper.at;
  const metres = Math.hypot(to[0] - x, to[1] - y);
  const reach = shopper.pace * seconds;
  if (reach >= metres) {
    shopper.at = to;
    return seconds - metres / shopper.pace;
  }
  const share = reach / metres;
  shopper.at = [x + (to[0] - x) * share, y + (to[1] - y) * share];
  return 0;
}

function arrive(shopper: Shopper, errand: Errand): Deed[] {
  const { random } = shopper;
  shopper.errands.shift();
  shopper.busyS = random.between(3, 10);
  switch (errand.kind) {
    case 'shelf':
      return atShelf(shopper, errand.shelf);
    case 'button':
      shopper.busyS = random.between(2, 5);
      return [{ kind: 'press', button: errand.button.id }];
    case 'pay':
      shopper.basket = [];
      return [];
    case 'leave': {
      const [least, most] = shopper.subjectRef ? OUTSIDE_KNOWN_S : OUTSIDE_STRANGER_S;
      shopper.inside = false;
      shopper.busyS = random.between(least, most);
      shopper.basket = [];
      return [{ kind: 'left' }];
    }
    default:
      return [];
  }
}

function atShelf({ random, basket }: Shopper, shelf: Shelf): Deed[] {
  const held = basket.findIndex((item) => item.shelf === shelf.id);
  const item = basket[held];
  if (item && random.chance(PUT_BACK)) {
    basket.splice(held, 1);
    return [{ kind: 'put-back', shelf: shelf.id, slot: item.slot }];
  }
  if (!random.chance(0.75)) return [];
  const { slot } = random.pick(shelf.slots);
  const quantity = random.chance(0.15) ? 2 : 1;
  for (let i = 0; i < quantity; i += 1) basket.push({ shelf: shelf.id, slot });
  return [{ kind: 'take', shelf: shelf.id, slot, quantity }];
}

function errandsOf(random: Random): Errand[] {
  const count = ERRANDS[0] + random.below(ERRANDS[1] - ERRANDS[0] + 1);
  const errands: Errand[] = Array.from({ length: count }, () => errandOf(random));
  const again = errands.find((errand) => errand.kind === 'shelf');
  if (again && random.chance(BACK_AT_A_SHELF)) errands.push(again);
  if (random.chance(0.7)) errands.push({ kind: 'pay', to: beside(TILL, random) });
  return [...errands, { kind: 'leave', to: DOOR }];
}

function errandOf(random: Random): Errand {
  const draw = random.next();
  if (draw < 0.6) {
    const shelf = random.pick(shelves);
    return { kind: 'shelf', shelf, to: beside(shelf.at, random) };
  }
  if (draw < 0.82) {
    const button = random.pick(buttons);
    return { kind: 'button', button, to: beside(button.at, random) };
  }
  return { kind: 'look', to: somewhere(random) };
}

function beside([x, y]: Point, random: Random): Point {
  return inside(x + random.between(-0.8, 0.8), y + random.between(-0.8, 0.8));
}

function somewhere(random: Random): Point {
  return inside(random.between(0, SIZE.width), random.between(0, SIZE.depth));
}

function inside(x: number, y: number): Point {
  return [clamp(x, WALL_M, SIZE.width - WALL_M), clamp(y, WALL_M, SIZE.depth - WALL_M)];
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
