import type { ConsentRecord } from '../../gateway/consent-record.ts';
import type { OutgoingEvent } from '../../gateway/uplinks/uplink.ts';
import type { Run } from './run.ts';
import type { World } from './world.ts';

/** What `consents.ts` says of a list of which only the withdrawals were applied. */
const ONLY_WITHDRAWALS = 'only withdrawals were applied';

/** What is known of one person. Positions are the outbox's. */
interface Known {
  recordId: string;
  /** The version that was held when the box was last looked at; 0 for none. */
  wasHeld: number;
  /** Withdrew, or was erased, and has not agreed anew: the version up to which that holds. */
  barredTo: number | undefined;
  /** What was stored before here must not leave any more. */
  clearedBelow: number;
  /** The same of what tells places, where `location` alone was taken back. */
  placesBelow: number;
  mayPlace: boolean;
}

/**
 * Who may be spoken of, and of whom what may leave: worked out from what the box was told and has committed,
 * never from what it does (P14).
 */
export interface Oracle {
  /** A list is on the box's disk. */
  listed(run: Run, records: readonly ConsentRecord[], refused: string | undefined): void;
  /** So is what says that this person's record ends; `version` is the one that was held. */
  ended(run: Run, recordId: string, version: number): void;
  /** A run begins; the one before may have committed what it could not say any more. */
  began(run: Run): void;
  /** A batch begins its way. */
  departs(events: readonly OutgoingEvent[], uplink: string): void;
  /** References of whom nothing may lie in the box, and from which position on something may. */
  barred(): { ref: string; clearedBelow: number; isBarred: boolean }[];
}

export function oracle(world: World): Oracle {
  const known = new Map<string, Known>();

  function of(ref: string, recordId: string): Known {
    const nothing = { wasHeld: 0, barredTo: undefined, clearedBelow: 0, placesBelow: 0, mayPlace: true };
    const one = known.get(ref) ?? { recordId, ...nothing };
    known.set(ref, one);
    return one;
  }

  function bar(run: Run, ref: string, one: Known, version: number): void {
    const held = run.road.pipeline.held(one.recordId);
    if (held && held.version <= version) {
      world.broken(`${one.recordId} is held in version ${held.version} although ${version} was withdrawn`);
    }
    if (held && held.version > version) return;
    one.barredTo = Math.max(version, one.barredTo ?? 0);
    one.clearedBelow = run.road.outbox.next();
    world.trace(() => `${ref} is barred up to version ${one.barredTo}`);
    if (run.road.outbox.waitingOf(ref) > 0) world.broken(`events of ${ref} wait after the withdrawal`);
  }

  /** Whoever is held is held by a version that was issued after they withdrew. */
  function review(run: Run): void {
    for (const [ref, one] of known) {
      const held = run.road.pipeline.held(one.recordId);
      one.wasHeld = held?.version ?? 0;
      if (!held) continue;
      if (one.barredTo !== undefined && held.version <= one.barredTo) {
        world.broken(`${one.recordId} came back in version ${held.version}, ${one.barredTo} was withdrawn`);
      } else if (one.barredTo !== undefined) {
        one.barredTo = undefined;
        world.trace(() => `${ref} has agreed anew`);
      }
      const mayPlace = held.purposes.includes('location');
      if (one.mayPlace && !mayPlace) one.placesBelow = run.road.outbox.next();
      one.mayPlace = mayPlace;
    }
  }

  /** Events come again and again, with the same words. */
  const refs = new Map<string, string | undefined>();
  function whose({ id, body }: OutgoingEvent): string | undefined {
    if (!refs.has(id)) refs.set(id, /"subject":\{"ref":"([^"]+)"/.exec(body)?.[1]);
    return refs.get(id);
  }

  function whyNot({ id, name }: OutgoingEvent, one: Known): string | undefined {
    const position = Number(id.split('-')[1]);
    if (one.barredTo !== undefined) return 'who withdrew';
    if (position < one.clearedBelow) return 'from before they withdrew';
    const isPlace = name.startsWith('zone.') && (!one.mayPlace || position < one.placesBelow);
    return isPlace ? 'who took location back' : undefined;
  }

  return {
    listed(run, records, refused) {
      const isApplied = refused === undefined || refused.endsWith(ONLY_WITHDRAWALS);
      for (const { subjectRef, recordId, state, version } of isApplied ? records : []) {
        const one = of(subjectRef, recordId);
        if (state === 'withdrawn') bar(run, subjectRef, one, version);
      }
      review(run);
    },
    ended(run, recordId, version) {
      for (const [ref, one] of known) if (one.recordId === recordId) bar(run, ref, one, version);
    },
    began(run) {
      for (const [ref, one] of known) {
        const isGone = run.road.pipeline.held(one.recordId) === undefined;
        if (isGone && one.wasHeld && one.barredTo === undefined) bar(run, ref, one, one.wasHeld);
      }
      review(run);
    },
    departs(events, uplink) {
      for (const event of events) {
        const ref = whose(event);
        const one = ref === undefined ? undefined : known.get(ref);
        const why = one && whyNot(event, one);
        if (why !== undefined)
          world.broken(`${event.id} (${event.name}) of ${ref}, ${why}, leaves to ${uplink}`);
      }
    },
    barred: () =>
      [...known].flatMap(([ref, { barredTo, clearedBelow }]) =>
        clearedBelow > 0 ? [{ ref, clearedBelow, isBarred: barredTo !== undefined }] : [],
      ),
  };
}
