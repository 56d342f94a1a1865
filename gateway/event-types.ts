import type { Class } from '../devices/device.ts';
import type { Purpose } from './consent-record.ts';

/**
 * Every type of event that this version makes, as a data protection officer asks for it: whether it tells
 * of a person, by which of their purposes, and how long it waits here (contract, Events). The inventory,
 * the report and the notice are made from this table; a test holds the code to it.
 */
export interface EventType {
  /** The middle of `aisle.<name>.v1`. */
  name: string;
  class: Class;
  /** `linked`: of nobody, unless one person alone could have done it and granted the purposes below. */
  personal: 'always' | 'linked' | 'never';
  /** What a personal one rests on: each of them has to be granted. */
  purposes: readonly Purpose[];
  /** One sentence: what it says. */
  says: string;
  /** The fields of `data` that tell of a person, `subject` and `consent` beside them. */
  personalFields: readonly string[];
}

const PRESENCE: readonly Purpose[] = ['recognition'];
const PLACE: readonly Purpose[] = ['recognition', 'location'];
const DOING: readonly Purpose[] = ['recognition', 'location', 'interaction'];
const LINK = ['attribution.visitId'];

export const EVENT_TYPES: readonly EventType[] = [
  ofPerson('visit.started', PRESENCE, 'A shopper who agreed was recognised in the shop.', [
    'visitId',
    'method',
  ]),
  ofPerson(
    'visit.ended',
    PRESENCE,
    'Their visit is over, with its length; with location also how long they were in which area. After a withdrawal neither the person nor areas are named.',
    ['visitId', 'startedAt', 'endedAt', 'durationS', 'zones'],
  ),
  ofPerson('zone.entered', PLACE, 'They came into an area.', ['visitId', 'zoneId', 'enteredAt', 'position']),
  ofPerson('zone.dwelled', PLACE, 'They have been in an area for 30, 120 or 300 seconds.', [
    'visitId',
    'zoneId',
    'dwellS',
  ]),
  ofPerson('zone.exited', PLACE, 'They left an area.', ['visitId', 'zoneId', 'enteredAt', 'dwellS']),
  linked('shelf.item.picked', 'Something was taken from a shelf.'),
  linked('shelf.item.returned', 'Something was put back on a shelf.'),
  ofNobody('shelf.stock.changed', 'B', 'How many pieces a shelf is thought to hold.'),
  linked('button.pressed', 'A button in the shop was pressed.'),
  ofNobody('climate.measured', 'C', 'Temperature, humidity and carbon dioxide of an area.'),
  ofNobody('thermostat.changed', 'B', 'A thermostat was set.'),
  ofNobody(
    'occupancy.aggregated',
    'C',
    'How many phones were near in five minutes, rounded to 5; below 10 no number is told.',
  ),
  {
    ...ofPerson('consent.granted', PRESENCE, 'Somebody agreed in the shop, to which purposes and how.', [
      'recordId',
      'purposes',
      'method',
      'language',
      'validUntil',
    ]),
    class: 'A',
  },
  {
    ...ofPerson(
      'consent.withdrawn',
      PRESENCE,
      'Somebody took their consent back in the shop, and what was removed. It names the consent record, not the person.',
      ['recordId', 'purposes', 'channel', 'language'],
    ),
    class: 'A',
  },
  ofNobody(
    'subject.erased',
    'A',
    'Data of a person was erased: consent records, counts and the signed certificate, not the person.',
  ),
  ofNobody('command.completed', 'B', 'A command to a device was carried out or failed.'),
  ofNobody(
    'device.health',
    'C',
    'A device came, went, its battery runs low, or its radio is no longer as it was.',
  ),
  ofNobody(
    'gateway.health',
    'C',
    'How the gateway is: mode in force, age of the consent list, events that wait.',
  ),
  ofNobody('gateway.gap', 'A', 'Which events were removed before delivery, and why; never whose.'),
  ofNobody(
    'gateway.store.corrupt',
    'A',
    'The database was salvaged or restored: what is there still, and which events are not.',
  ),
  ofNobody('security.alert', 'A', 'Something was refused, with a count.'),
];

function ofPerson(
  name: string,
  purposes: readonly Purpose[],
  says: string,
  personalFields: readonly string[],
): EventType {
  return { name, class: 'B', personal: 'always', purposes, says, personalFields };
}

function linked(name: string, says: string): EventType {
  return { name, class: 'B', personal: 'linked', purposes: DOING, says, personalFields: LINK };
}

function ofNobody(name: string, kind: Class, says: string): EventType {
  return { name, class: kind, personal: 'never', purposes: [], says, personalFields: [] };
}

/** How long it waits here for the platform at most (P6); once delivered it is gone from the box. */
export function waitsHere({ class: kind, personal }: EventType, retention: Retention): string {
  if (kind === 'A') return 'until delivered';
  if (kind === 'C') return `until delivered, at most ${retention.telemetryDays} days`;
  if (personal === 'always') return `until delivered, at most ${retention.personalHours} h`;
  const most = `until delivered, at most ${retention.businessDays} days`;
  return personal === 'linked' ? `${most}; linked to a person, ${retention.personalHours} h` : most;
}

/** Of the configuration: how long undelivered events wait. */
export interface Retention {
  personalHours: number;
  businessDays: number;
  telemetryDays: number;
}

/** Purposes that anything here rests on, in the order of asking. */
export function purposesInUse(): Purpose[] {
  return [...new Set(EVENT_TYPES.flatMap(({ purposes }) => purposes))];
}
