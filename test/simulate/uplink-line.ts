import {
  type Delivery,
  NotTaken,
  type OutgoingEvent,
  RetryAfter,
  type Uplink,
} from '../../gateway/uplinks/uplink.ts';
import type { Central } from './central.ts';
import { HOUR, MINUTE, SECOND, type World } from './world.ts';

/** How a profile store and the way to it are. */
export type Mood =
  /** Answers within the second. */
  | 'well'
  /** Nobody is there. */
  | 'away'
  /** Takes connections and never answers. */
  | 'hole'
  /** Everything that can go wrong, now and then. */
  | 'shaky'
  /** 503 with Retry-After. */
  | 'busy';

/** An uplink answers, or fails, by a deadline of its own (`gateway/uplinks/uplink.ts`), ms. */
const DEADLINE = 15 * SECOND;

/** The way to one profile store, over all starts of the box. */
export interface UplinkLine {
  central: Central;
  /** For one run of the box; `isAlive` says whether that run still hears answers. */
  open(isAlive: () => boolean, departs: (events: readonly OutgoingEvent[]) => void): Uplink;
  set(mood: Mood): void;
  /** Events that this profile store never takes, and others that it falls over, by share. */
  poison(share: number, gapsToo: boolean): void;
  stumble(share: number): void;
  /** By its own doing later ones came before them: it fell over them, or left them out of a batch. */
  overtaken: ReadonlySet<string>;
}

type Answer = (events: readonly OutgoingEvent[]) => Delivery;

export function uplinkLine(world: World, central: Central): UplinkLine {
  const { time } = world;
  const random = world.draws(`uplink ${central.name}`);
  let mood: Mood = 'well';
  let poisoned = 0;
  let isGapSafe = false;
  let stumbling = 0;
  const overtaken = new Set<string>();

  /** The same for an event each time that it comes. */
  function isPoison(event: OutgoingEvent): boolean {
    if (isGapSafe && event.name === 'gateway.gap') return false;
    return poisoned > 0 && world.draws(`poison ${central.name} ${event.id}`).chance(poisoned);
  }

  /** The same for an event as long as nobody mends it. */
  function isStone({ id }: OutgoingEvent): boolean {
    if (stumbling === 0 || !world.draws(`stone ${central.name} ${id}`).chance(stumbling)) return false;
    overtaken.add(id);
    return true;
  }

  function open(isAlive: () => boolean, departs: (events: readonly OutgoingEvent[]) => void): Uplink {
    return {
      send(events, signal) {
        departs(events);
        return new Promise<Delivery>((resolve, reject) => {
          let isOver = false;
          /** Once, and to a run of the box that is there to hear it. */
          const end = (work: () => void) => {
            if (isOver) return;
            isOver = true;
            // Of a signal that has a listener Node lets nothing go (`AbortSignal.any`).
            signal.removeEventListener('abort', brokenOff);
            if (!isAlive()) return;
            time.stir();
            work();
          };
          const brokenOff = () => end(() => reject(new Error('broken off')));
          signal.addEventListener('abort', brokenOff);
          request(events, {
            accept: (delivery) => end(() => resolve(delivery)),
            fail: (error) => end(() => reject(error)),
            isOver: () => isOver,
          });
        });
      },
      async close() {},
    };
  }

  interface Asker {
    accept(delivery: Delivery): void;
    fail(error: Error): void;
    /** It has given up. */
    isOver(): boolean;
  }

  function request(events: readonly OutgoingEvent[], asker: Asker): void {
    const how = mood === 'shaky' ? random.pick(ACCIDENTS) : mood;
    if (how !== 'well') world.trace(() => `${central.name}: ${events.length} events meet ${how}`);
    const deadline = () => time.after(DEADLINE, () => asker.fail(new Error('no answer in 15 s')));
    const arrives = (answer: Answer, after = random.between(10, 400)) =>
      time.after(after, () => asker.accept(take(events, answer, asker)));
    deadline();
    if (how !== 'away' && how !== 'hole' && events.some(isStone)) {
      return void time.after(100, () => asker.fail(new NotTaken('HTTP 500')));
    }
    switch (how) {
      case 'fails':
        return void time.after(100, () => asker.fail(new NotTaken('HTTP 500')));
      case 'well':
        return void arrives(allBut(() => false));
      case 'away':
        return void time.after(random.between(1, 50), () => asker.fail(new Error('ECONNREFUSED')));
      case 'hole':
        return;
      case 'busy': {
        const rest = random.pick([1 * SECOND, 30 * SECOND, 10 * MINUTE, HOUR]);
        return void time.after(50, () => asker.fail(new RetryAfter('HTTP 503', rest)));
      }
      case 'answer lost':
        return void time.after(random.between(10, 400), () => {
          take(events, ALL, asker);
          asker.fail(new Error('ECONNRESET'));
        });
      case 'twice':
        arrives(ALL);
        return void time.after(random.between(10, 60_000), () => take(events, ALL, asker));
      case 'late':
        return void time.after(random.between(DEADLINE, 2 * DEADLINE), () => take(events, ALL, asker));
      case 'half': {
        const from = random.whole(0, events.length);
        const isLeft = new Set(events.slice(from).map(({ id }) => id));
        return void arrives(allBut(({ id }) => isLeft.has(id)));
      }
      case 'some': {
        const left = events.filter(() => random.chance(0.4));
        const isLeft = new Set(left.map(({ id }) => id));
        const lastTaken = events.findLastIndex(({ id }) => !isLeft.has(id));
        for (const event of left) if (events.indexOf(event) < lastTaken) overtaken.add(event.id);
        return void arrives(allBut(({ id }) => isLeft.has(id)));
      }
      case 'slow':
        return void arrives(ALL, random.between(1_000, DEADLINE - 1));
      case 'nonsense':
        return void time.after(100, () => asker.accept({ accepted: ['another'], rejected: [] }));
    }
  }

  /** Commits, and says what it took. What it never takes it says too, with words of its own. */
  function take(events: readonly OutgoingEvent[], answer: Answer, asker: Asker): Delivery {
    const delivery = answer(events.filter((event) => !isPoison(event)));
    const taken = new Set(delivery.accepted);
    const bodies = events.filter(({ id }) => taken.has(id)).map(({ body }) => body);
    central.commit(bodies, asker.isOver());
    const rejected = events.filter(isPoison).map(({ id, body }) => ({ id, reason: `not valid: ${body}` }));
    return { accepted: delivery.accepted, rejected };
  }

  return {
    central,
    open,
    set(next) {
      if (next !== mood) world.trace(() => `${central.name} is ${next}`);
      mood = next;
    },
    poison(share, gapsToo) {
      poisoned = share;
      isGapSafe = !gapsToo;
    },
    stumble(share) {
      stumbling = share;
    },
    overtaken,
  };
}

const ACCIDENTS = [
  ...(['well', 'well', 'away', 'hole', 'busy', 'answer lost', 'answer lost', 'twice', 'late'] as const),
  ...(['half', 'some', 'slow', 'nonsense', 'fails'] as const),
];

function allBut(isLeft: (event: OutgoingEvent) => boolean): Answer {
  return (events) => ({
    accepted: events.filter((event) => !isLeft(event)).map(({ id }) => id),
    rejected: [],
  });
}

const ALL: Answer = allBut(() => false);
