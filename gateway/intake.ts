import type { Class, Message } from '../devices/device.ts';
import type { Commit } from './commit.ts';
import type { Room } from './outbox/room.ts';
import type { Outcome } from './pipeline/outcome.ts';
import type { Pipeline } from './pipeline/pipeline.ts';
import type { Signal } from './pipeline/signal.ts';
import type { Point } from './telemetry/point.ts';

/** Signals that wait while the disk refuses, and octets of them; more are refused, which ends their connections. */
const MAX_PARKED = 20_000;
const MAX_PARKED_OCTETS = 32 * 1024 * 1024;

/**
 * The one door into the pipeline. `done` is called once what the signal changed is on disk. While the
 * disk refuses, signals wait before the pipeline, in order, so that its memory never runs ahead of
 * the disk by more than the batch that is being tried again. What there is no room for is refused here, by its
 * class, before anything is made of it (P4, P5). What it measured is handed to `measured` at once: the time series
 * wait for no disk.
 */
export type Intake = (
  signal: Signal,
  done: (outcome: Outcome) => void,
  refuse: (error: Error) => void,
) => void;

/** There is no room for a message of this class: it has to come again. */
export class NoRoom extends Error {}

export interface Doorkeeper {
  room: Room;
  classOf(message: Message): Class | undefined;
}

export function createIntake(
  pipeline: Pipeline,
  commit: Commit,
  doorkeeper?: Doorkeeper,
  measured: (points: readonly Point[]) => void = () => {},
): Intake {
  let parked = 0;
  let parkedOctets = 0;

  const enter: Intake = (signal, done, refuse) => {
    const noRoom = doorkeeper && whyNoRoom(signal, doorkeeper);
    if (noRoom !== undefined) return refuse(new NoRoom(noRoom));
    if (!commit.failing()) {
      const outcome = pipeline.accept(signal);
      measured(outcome.points);
      return commit.add(outcome, () => done(outcome));
    }
    const octets = octetsOf(signal);
    if (parked >= MAX_PARKED || parkedOctets + octets > MAX_PARKED_OCTETS) {
      return refuse(new Error('the disk refuses and too much waits already'));
    }
    parked += 1;
    parkedOctets += octets;
    commit.whenHealthy(() => {
      parked -= 1;
      parkedOctets -= octets;
      enter(signal, done, refuse);
    });
  };
  return enter;
}

/** Lists, erasures and choices of people always enter: what they take away is more than what they bring (P14). */
function whyNoRoom(signal: Signal, { room, classOf }: Doorkeeper): string | undefined {
  if (!room.is('reserved')) return undefined;
  const isFull = room.is('full');
  if (signal.kind === 'tick') return isFull ? FULL : undefined;
  if (signal.kind === 'advertisement') return RESERVED;
  if (signal.kind !== 'message') return undefined;
  const kind = classOf(signal);
  if (kind === undefined) return undefined;
  if (isFull) return FULL;
  return kind === 'B' ? RESERVED : undefined;
}

const FULL = 'the outbox is full';
const RESERVED = 'the outbox is nearly full: what is left is for consent, erasures and alarms';

function octetsOf(signal: Signal): number {
  return signal.kind === 'message' ? signal.payload.length : 0;
}
