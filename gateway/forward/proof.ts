import type { WaitingEvent } from '../outbox/outbox.ts';
import { NotTaken } from '../uplinks/uplink.ts';
import type { Apart } from './apart.ts';
import { NOTHING, type Sending } from './sending.ts';
import type { Settlement } from './settlement.ts';

/** What trying other events says of one that the other side keeps failing on. */
export type Verdict =
  /** It takes others, and failed on this one again: set apart; or it took this one too. */
  | 'answers'
  /** It fails on others too. */
  | 'away'
  /** There is no other event. */
  | 'no witness';

export interface Proof {
  /** Where nothing was taken before, so many others are tried at most: they may be such events themselves. */
  prove(suspect: WaitingEvent, most: number): Promise<Verdict>;
  /** These were taken. */
  know(events: readonly WaitingEvent[]): void;
}

export interface ProofParts {
  sending: Sending;
  settlement: Settlement;
  apart: Apart;
  /** The next event that is not on its way. */
  next: () => WaitingEvent | undefined;
  /** One of the others was taken. */
  taken: () => void;
  /** Purged since it was taken from the outbox: not to be sent again. */
  isRecalled: (position: number) => boolean;
}

/**
 * Is it the event, or the other side? An event that it took before tells: once more it has no effect (P2).
 * Where there is none yet, events after the suspect tell, and what failed is tried once more before anything
 * else goes: one of them can overtake it in the moment when the other side comes back.
 */
export function createProof(parts: ProofParts): Proof {
  const { sending, settlement, apart, next, taken, isRecalled } = parts;
  let suspects: WaitingEvent[] = [];
  let known: WaitingEvent | undefined;

  async function askWithKnown(one: WaitingEvent): Promise<Verdict> {
    const { error } = await sending.send([one]);
    if (error) return 'away';
    taken();
    return 'answers';
  }

  async function findWitness(most: number): Promise<Verdict> {
    for (let n = 0; n < most; n += 1) {
      const witness = next();
      if (!witness) return n === 0 ? 'no witness' : 'away';
      const { result, error } = await sending.send([witness]);
      if (error instanceof NotTaken) {
        suspects.push(witness);
        continue;
      }
      await settlement.settle([witness], result);
      if (error) return 'away';
      taken();
      return 'answers';
    }
    return 'away';
  }

  async function tryAgain(one: WaitingEvent): Promise<void> {
    const isGone = isRecalled(one.position);
    const { result, error } = isGone ? { result: NOTHING, error: undefined } : await sending.send([one]);
    if (error instanceof NotTaken && !isRecalled(one.position) && apart.hasRoom()) apart.add(one);
    else await settlement.settle([one], result);
  }

  return {
    async prove(suspect, most) {
      suspects = [suspect];
      const verdict = known ? await askWithKnown(known) : await findWitness(most);
      if (verdict === 'answers') for (const one of suspects) await tryAgain(one);
      else await settlement.settle(suspects, NOTHING);
      suspects = [];
      return verdict;
    },
    know(events) {
      const last = events.at(-1);
      if (last && isNobodys(last)) known = last;
    },
  };
}

/** Of nobody, and of nobody's visit: only such a one may be sent again after whatever erasure (P14). */
function isNobodys({ body }: WaitingEvent): boolean {
  return !body.includes('"subject"') && !body.includes('"partitionkey"') && !body.includes('"visitId"');
}
