import { type Firmware, firmware } from './firmware.ts';
import type { Network } from './network.ts';
import type { Plan } from './plan.ts';
import { heardBeacon, type Platform, type Shopper, tagFrame } from './platform.ts';
import { UNIT_GRAMS, ZONES } from './shop-config.ts';
import { HOUR, MINUTE, SECOND, type World } from './world.ts';

/** The shop's devices, its shoppers, and what they do. */
export interface Shop {
  /** Arranges everything that happens, over the whole plan. */
  open(): void;
  /** The last words of the devices, so that nothing hangs on a message that never comes. */
  close(): void;
  /** Messages that no device was acknowledged yet. */
  waiting(): number;
  /** `<device>/<boot>/<seq>` of what was acknowledged and makes an event by itself. */
  acknowledged: ReadonlySet<string>;
  devices: readonly Firmware[];
  shoppers: readonly Shopper[];
  /** Keys of people who never agreed, hex. */
  strangers: readonly string[];
  /** Units that left the second shelf, by its own account. */
  unitsTaken(): number;
}

export interface ShopParts {
  world: World;
  plan: Plan;
  network: Network;
  platform: Platform;
  withdrawHere: (shopper: Shopper) => void;
}

const PRESSES = ['press', 'double_press', 'long_press'] as const;
const FULL_SHELF = 30;

export function createShop({ world, plan, network, platform, withdrawHere }: ShopParts): Shop {
  const { time } = world;
  const random = world.draws('shop');
  const acknowledged = new Set<string>();
  const phones = new Set<Firmware>();
  const hex = (octets: number) => Buffer.from(random.octets(octets)).toString('hex');
  const shoppers = Array.from({ length: 5 }, (_, n): Shopper => {
    const ref = `subject-${hex(6)}`;
    return { n, ref, recordId: `record-${n}`, token: hex(16) };
  });
  const strangers = [hex(16), hex(16)];
  let setpoints = 0;
  let stock = FULL_SHELF;

  const device = (id: string, command?: (name: string, payload: string, say: Firmware['say']) => void) =>
    firmware({
      world,
      network,
      device: id,
      acknowledged: (cause) => acknowledged.add(cause),
      ...(command && { command }),
    });
  const buttons = [device('button-1'), device('button-2')] as const;
  const receivers = [device('ceiling-1'), device('ceiling-2')] as const;
  const shelf = device('shelf-1');
  const scale = device('shelf-2');
  const thermostat = device('thermostat-1', obey);
  const devices = [...buttons, ...receivers, shelf, scale, thermostat];

  /** Each setpoint is another one, so that each is a change. */
  function nextSetpoint(): number {
    setpoints += 1;
    return 10 + (setpoints % 150) / 10;
  }

  function obey(command: string, payload: string, say: Firmware['say']): void {
    const { id, setpointC } = JSON.parse(payload) as { id: string; setpointC: number };
    say(`replies/${command}`, { id, ok: true });
    say('thermostat', { setpointC, currentC: 19 });
  }

  function weigh(): void {
    scale.say('weight', { slots: [{ slot: 0, g: stock * UNIT_GRAMS, ok: true }] });
  }

  /** Goods are taken or put back; the scale speaks while the hand is there, and after. */
  function move(): void {
    const units = random.whole(-3, 3);
    stock = Math.max(0, stock + units);
    weigh();
    time.after(1_500, weigh);
  }

  const DOINGS: (() => void)[] = [
    () => random.pick(buttons).say('pressed', { button: 1, press: random.pick(PRESSES) }, true),
    () => random.pick(buttons).say('pressed', { button: 1, press: 'press' }, true),
    () => shelf.say('weight', { slots: [{ slot: 0, deltaG: random.pick([-2, -1, 1]) * UNIT_GRAMS }] }, true),
    move,
    () => thermostat.say('thermostat', { setpointC: nextSetpoint(), currentC: 19.5 }, true),
    () => thermostat.say('climate', { temperatureC: random.whole(15, 25), humidityPct: 50 }),
    () => random.pick(receivers).say('crowd', { windowS: 60, near: random.whole(0, 40), far: 3 }),
    () => walk(random.pick(shoppers)),
    () => walk(random.pick(shoppers)),
    () => pass(random.pick(strangers)),
    decide,
  ];

  /** A shopper goes through the shop, with the app, a tag, or both. */
  function walk(shopper: Shopper): void {
    const phone = newPhone();
    const [hasApp, hasTag] = random.pick([
      [true, false],
      [false, true],
      [true, true],
    ] as const);
    const steps = random.whole(2, 6);
    world.trace(
      () => `shopper ${shopper.n} comes in${hasApp ? ', with the app' : ''}${hasTag ? ', with a tag' : ''}`,
    );
    for (let step = 0; step < steps; step += 1) {
      time.after(step * 12 * SECOND, () => {
        if (hasApp) say(phone, shopper.token);
        if (hasTag) hear(shopper.n);
      });
    }
    time.after(steps * 12 * SECOND + 10 * MINUTE, () => leave(phone));
  }

  function pass(token: string): void {
    const phone = newPhone();
    say(phone, token);
    random.pick(receivers).say('advertisements', { frames: [frameOf(tagFrame(1, token))] });
    time.after(5 * MINUTE, () => leave(phone));
  }

  function newPhone(): Firmware {
    const id = `app-${hex(4)}`;
    const phone = firmware({ world, network, device: 'app', id, acknowledged: () => {} });
    phones.add(phone);
    return phone;
  }

  function leave(phone: Firmware): void {
    phone.off();
    phones.delete(phone);
  }

  function say(phone: Firmware, token: string): void {
    phone.say('ranged', { token, beacons: [heardBeacon(random.whole(0, ZONES.length - 1), -60)] });
  }

  function hear(n: number): void {
    const frame = frameOf(tagFrame(n));
    random.pick(receivers).say('advertisements', { frames: [frame] });
  }

  function frameOf(data: string): object {
    const address = hex(6).replace(/../g, '$&:').slice(0, -1);
    const ageMs = random.whole(0, 500);
    return { address, addressType: 'random', rssi: random.whole(-80, -50), data, ageMs };
  }

  /** Somebody agrees, takes it back, or asks to be forgotten; or the platform orders something. */
  function decide(): void {
    const shopper = random.pick(shoppers);
    const what = random.next();
    if (what < 0.3) agree(shopper);
    else if (what < 0.45) platform.withdraw(shopper);
    else if (what < 0.55) platform.erase(shopper);
    else if (what < 0.65) withdrawHere(shopper);
    else if (what < 0.85) platform.setpoint(nextSetpoint());
    else platform.fullList();
  }

  function agree(shopper: Shopper): void {
    const more = random.pick([['location'], ['location', 'interaction'], []] as const);
    platform.grant(shopper, ['recognition', ...more]);
  }

  return {
    open() {
      for (const shopper of shoppers.slice(0, 4)) platform.grant(shopper, ['recognition', 'location']);
      // A list that is a day old recognises nobody.
      const every = plan.span === 'year' ? 20 * HOUR : 10 * HOUR;
      for (let at = 0; at < plan.days * 24 * HOUR; at += every) time.after(at, platform.fullList);
      weigh();
      for (const { from, until } of plan.bursts) {
        const many = random.whole(4, 12);
        for (let i = 0; i < many; i += 1) {
          time.after(random.between(from, until), () => random.pick(DOINGS)());
        }
      }
    },
    close() {
      for (const phone of phones) phone.off();
      weigh();
      time.after(2 * SECOND, weigh);
    },
    waiting: () => devices.reduce((sum, one) => sum + one.waiting(), 0),
    acknowledged,
    devices,
    shoppers,
    strangers,
    unitsTaken: () => FULL_SHELF - stock,
  };
}
