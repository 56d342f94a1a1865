import type { Purpose } from '../../consent-record.ts';
import type { StoreEvent } from '../outcome.ts';
import type { Alone } from '../shoppers.ts';
import type { Emit } from './emit.ts';
import { personalData } from './visit.ts';

/** What a hand did and nobody's hand need be named: linked only where it is certain enough whose it was. */
const LINKED = new Set(['shelf.item.picked', 'shelf.item.returned', 'button.pressed']);
const PURPOSES: readonly Purpose[] = ['recognition', 'location', 'interaction'];
/** A zone is chosen among several: below this the person may as well be in the next one. */
const SURE_ENOUGH = 0.3;

/**
 * Shelf and button events say what happened and not who did it. They are linked to a visit only under the
 * purpose `interaction`, and only where one recognised person is there and nobody else is close (R24);
 * of the phones that are close one is the person's own.
 */
export function attributing(
  emit: Emit,
  at: number,
  parts: {
    zoneOf: (event: StoreEvent) => string | undefined;
    alone: (zone: string, at: number) => Alone | undefined;
    /** Unlisted addresses close to the zone's receivers. */
    near: (zone: string, at: number) => number;
  },
): Emit {
  return {
    ...emit,
    event: (event) => emit.event(LINKED.has(event.name) ? linked(event) : event),
  };

  function linked(event: StoreEvent): StoreEvent {
    const zone = parts.zoneOf(event);
    const person = zone === undefined ? undefined : parts.alone(zone, at);
    if (zone === undefined || !person) return event;
    const candidates = Math.max(1, parts.near(zone, at));
    if (candidates > 1 || person.confidence < SURE_ENOUGH) return event;
    const probability = Math.round(person.confidence * 100) / 100;
    const { visit, subject } = person;
    const attribution = { visitId: visit.visitId, probability, candidates };
    return {
      ...event,
      visitId: visit.visitId,
      subjectRef: subject.ref,
      purposes: PURPOSES,
      data: { ...event.data, attribution, ...personalData(person, PURPOSES) },
    };
  }
}
