import type { Box } from './box.ts';
import type { Firmware } from './firmware.ts';
import type { Network } from './network.ts';
import { CLOSES, isSunday, momentOf, OPENS, type Plan } from './plan.ts';
import type { ShopShape } from './shop-config.ts';
import type { Mood, UplinkLine } from './uplink-line.ts';
import { DAY, HOUR, MINUTE, SECOND, type World } from './world.ts';

export interface FaultParts {
  world: World;
  plan: Plan;
  box: Box;
  network: Network;
  uplinks: readonly UplinkLine[];
  devices: readonly Firmware[];
  /** The box's wall clock is so many ms ahead of the truth. */
  setClock: (aheadMs: number) => void;
  /** What the next start is configured with. */
  configure: (change: Partial<ShopShape>) => void;
}

const MOODS: readonly Mood[] = ['away', 'away', 'hole', 'shaky', 'shaky', 'shaky', 'busy'];
/** How long, mostly: hours and days cost thousands of attempts. ms */
const AWAY = [5 * SECOND, 30 * SECOND, 3 * MINUTE, 15 * MINUTE] as const;
const WRITES_REFUSED = [
  'SQLITE_FULL',
  'SQLITE_IOERR_WRITE',
  'SQLITE_IOERR_FSYNC',
  'SQLITE_READONLY',
] as const;

/** Everything that goes wrong, arranged over the whole plan; `calm` ends all of it. */
export function createFaults(parts: FaultParts) {
  const { world, plan, box, network, uplinks } = parts;
  const { time } = world;
  const random = world.draws('faults');
  let isCalm = false;
  const at = (when: number, work: () => void) =>
    time.after(when - time.now(), () => {
      if (!isCalm) work();
    });
  const times = (n: number, work: (when: number) => void) => {
    for (let i = 0; i < n; i += 1) work(momentOf(random, plan));
  };

  function trap(): void {
    const point = random.pick(['write', 'commit', 'committed'] as const);
    const next = { transactions: random.whole(0, 6), point, write: random.whole(0, 6) };
    world.trace(() => `a trap is laid: ${JSON.stringify(next)}`);
    box.disk.trap(next);
  }

  function refuse(): void {
    const refusal = { code: random.pick(WRITES_REFUSED), writes: random.whole(0, 5) };
    const forMs = random.pick([SECOND, 10 * SECOND, 2 * MINUTE]);
    world.trace(() => `the disk refuses for ${forMs / SECOND} s: ${refusal.code}`);
    box.disk.refuse(refusal);
    time.after(forMs, () => {
      world.trace(() => 'the disk takes again');
      box.disk.refuse(undefined);
    });
  }

  function jump(): void {
    const wrong = random.pick([HOUR, -HOUR, DAY, -DAY, -world.trueTime()]);
    world.trace(() => `the clock jumps by ${wrong / HOUR} h`);
    parts.setClock(wrong);
    at(time.now() + random.pick([10 * SECOND, 10 * MINUTE, 5 * HOUR]), () => {
      world.trace(() => 'the clock is right again');
      parts.setClock(0);
    });
  }

  function mood(): void {
    const uplink = random.pick(uplinks);
    uplink.set(random.pick(MOODS));
    const forMs = random.chance(0.05) ? random.pick([4 * HOUR, 2 * DAY]) : random.pick(AWAY);
    at(time.now() + forMs, () => uplink.set('well'));
  }

  /** For a while the box runs without a device; of two profile stores the second may be taken out as well. */
  function reconfigure(): void {
    const without = random.pick([[], ['button-2'], ['thermostat-1']] as const);
    const names = plan.uplinks.length > 1 && random.chance(0.5) ? plan.uplinks.slice(0, 1) : plan.uplinks;
    world.trace(() => `configured anew: without ${without.join()}; to ${names.join()}`);
    box.restart(() => parts.configure({ without, uplinks: names }));
    at(time.now() + random.pick([MINUTE, HOUR]), () => {
      box.restart(() => parts.configure({ without: [], uplinks: plan.uplinks }));
    });
  }

  function nights(): void {
    for (let day = 0; day < plan.days; day += 1) {
      if (isSunday(day)) continue;
      at(day * DAY + OPENS - HOUR, box.switchOn);
      at(day * DAY + CLOSES + HOUR, box.switchOff);
    }
  }

  return {
    begin() {
      network.set({ latencyMs: plan.latencyMs, breaks: plan.breaks });
      for (const uplink of uplinks) {
        uplink.poison(plan.poison, plan.poisonsGaps);
        uplink.stumble(plan.stones);
      }
      times(plan.crashes, (when) => {
        const how = random.pick(['kill', 'power'] as const);
        at(when, () => box.crash(how, random.between(SECOND, 10 * MINUTE)));
      });
      times(plan.traps, (when) => at(when, trap));
      times(plan.refusals, (when) => at(when, refuse));
      times(plan.clockJumps, (when) => at(when, jump));
      times(plan.moods, (when) => at(when - random.between(0, 10 * MINUTE), mood));
      times(plan.restarts, (when) => at(when, reconfigure));
      times(plan.reboots, (when) => {
        const device = random.pick(parts.devices);
        // What the scale forgot would be goods that nobody can account for.
        at(when, () => device.reboot(parts.devices.indexOf(device) === SCALE || random.chance(0.5)));
      });
      if (plan.isUnplugged) nights();
    },
    calm() {
      isCalm = true;
      box.disk.calm();
      network.set({ latencyMs: 20, breaks: 0 });
      parts.setClock(0);
      for (const uplink of uplinks) {
        uplink.set('well');
        uplink.stumble(0);
      }
      parts.configure({ without: [], uplinks: plan.uplinks });
    },
  };
}

/** Its place among the shop's devices. */
const SCALE = 5;
