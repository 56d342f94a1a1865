import { type Connection, type ConnectionOptions, openConnection } from '../firmware/connection.ts';
import { createAir } from './air.ts';
import { CARRIED_AT_M, type Carried, carriedBy } from './carried.ts';
import { type Fittings, fittings } from './fittings.ts';
import { APP_DEVICE } from './floor-plan.ts';
import type { FromFloor, Identifier, Opening } from './messages.ts';
import { openRadios } from './radios.ts';
import { type Random, seededRandom } from './seeded-random.ts';
import { type Shopper, shoppersOfTheDay, step } from './shoppers.ts';

export interface Floor {
  /** Somebody who is inside and agreed to nothing. */
  who(): { shopper?: number; identifiers: Identifier[] };
  /** Devices tell what they still have to tell; then all is still. */
  close(): Promise<void>;
}

export interface FloorParts {
  opening: Opening;
  /** A device's secret, once there is one. */
  secretOf(device: string): Promise<string>;
  tell(message: FromFloor): void;
  /** Hex, random: the name of a device's start. */
  boot(): string;
  unixMs(): number;
  /** ms, monotonic. */
  now(): number;
}

const STEP_MS = 50;
/** After a stop of the process shoppers do not jump further than this, ms. */
const LONGEST_STEP_MS = 1_000;
const COUNTERS_MS = 250;
/** Messages whose way is timed, and told one by one. */
const TIMED = new Set(['pressed', 'thermostat']);

interface Visitor {
  shopper: Shopper;
  carried: Carried[];
}

export async function openFloor(parts: FloorParts): Promise<Floor> {
  const { opening, tell, now, unixMs } = parts;
  const { seed, speed } = opening;
  const stream = (name: string): Random => seededRandom(seed, name);
  const air = createAir(stream('air'));
  const radios = await openRadios(opening, air, now);
  const connections: Connection[] = [];
  const connect = (options: Omit<ConnectionOptions, 'gateway' | 'boot'>): Connection => {
    const connection = openConnection({
      ...options,
      boot: parts.boot(),
      gateway: { ...opening.gateway, secret: parts.secretOf(options.device) },
      onSent: (cause, name) => TIMED.has(name) && tell({ kind: 'sent', cause, name, at: unixMs() }),
      onAcked: (cause, name) => TIMED.has(name) && tell({ kind: 'acked', cause, name }),
    });
    connections.push(connection);
    return connection;
  };
  const { transmit } = radios;
  const shop = fittings({
    ...{ seed, speed, bindKeys: opening.bindKeys, unixMs, transmit },
    later: (ms, then) => void setTimeout(then, ms),
    connect: (device, onCommand) =>
      connect({ device, ...(onCommand && { commands: ['setpoint'], onCommand }) }),
  });
  const pocket = {
    ...{ seed, speed, air, unixMs, transmit },
    connect: (client: string) => connect({ device: APP_DEVICE, clientId: `${APP_DEVICE}-${client}` }),
    stranger: (identifiers: Identifier[]) => tell({ kind: 'stranger', identifiers }),
  };
  const visitors = shoppersOfTheDay(opening.shoppers, opening.consenting, stream).map((shopper) => ({
    shopper,
    carried: carriedBy(shopper, pocket),
  }));

  let steppedAt = now();
  const stepping = setInterval(() => {
    const at = now();
    const seconds = (Math.min(at - steppedAt, LONGEST_STEP_MS) / 1000) * speed;
    steppedAt = at;
    for (const visitor of visitors) move(visitor, seconds, at, shop);
    shop.tick(at);
  }, STEP_MS);
  let wereUp = false;
  const counting = setInterval(() => {
    tell(countersOf(connections, shop));
    if (wereUp || !connections.every((connection) => connection.isUp())) return;
    wereUp = true;
    tell({ kind: 'connected' });
  }, COUNTERS_MS);

  return {
    who: () => someStranger(visitors, stream(`who ${now()}`)),
    async close() {
      clearInterval(stepping);
      await Promise.all(connections.map((connection) => connection.close()));
      clearInterval(counting);
      tell(countersOf(connections, shop));
      await radios.close();
    },
  };
}

function move({ shopper, carried }: Visitor, seconds: number, at: number, shop: Fittings): void {
  for (const deed of step(shopper, seconds)) shop.suffer(deed);
  if (!shopper.inside) return;
  const [x, y] = shopper.at;
  for (const thing of carried) thing.tick([x, y, CARRIED_AT_M], at);
}

function countersOf(connections: readonly Connection[], shop: Fittings): FromFloor {
  const total = { sent: 0, acked: 0, waiting: 0 };
  for (const connection of connections) {
    const { sent, acked, waiting } = connection.counters();
    total.sent += sent;
    total.acked += acked;
    total.waiting += waiting;
  }
  return { kind: 'counters', ...total, radioPresses: shop.radioPresses() };
}

function someStranger(visitors: readonly Visitor[], random: Random): ReturnType<Floor['who']> {
  const strangers = visitors.filter(({ shopper }) => shopper.inside && shopper.subjectRef === undefined);
  if (strangers.length === 0) return { identifiers: [] };
  const { shopper, carried } = random.pick(strangers);
  return { shopper: shopper.index, identifiers: carried.flatMap((thing) => thing.identifiers()) };
}
