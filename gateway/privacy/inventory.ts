import type { Config } from '../config.ts';
import { purposesInUse } from '../event-types.ts';
import { K, ROUNDING } from '../pipeline/context/occupancy.ts';
import { type Mode, modeOf } from './mode.ts';

/**
 * One kind of data that the box holds (R27; GDPR art. 30), in the words of the record of processing. What
 * only the controller can decide is marked.
 */
export interface Holding {
  id: HoldingId;
  what: string;
  whose: string;
  purpose: string;
  basis: string;
  where: string;
  keptFor: string;
  recipients: string[];
}

export type HoldingId =
  | 'consents'
  | 'key-tables'
  | 'visits'
  | 'places'
  | 'events'
  | 'impersonal-events'
  | 'dead-letters'
  | 'choices'
  | 'tag-clocks'
  | 'message-numbers'
  | 'audit'
  | 'unknown-addresses'
  | 'crowd-counts'
  | 'devices';

export const GAP = '[to be completed by the controller]';
export const gap = (what: string) => `[to be completed by the controller: ${what}]`;

const CONSENT =
  'consent: GDPR art. 6(1)(a); for reading from the terminal ePrivacy art. 5(3) (France: art. 82 Loi 78-17)';
const COUNTING = `legitimate interest, GDPR art. 6(1)(f), for statistics made anonymous within minutes (CNIL, mesure de fréquentation, first case) ${gap('the balancing test, and how visitors object beforehand')}`;
const PROOF = `accountability, GDPR art. 5(2) and 7(1) ${gap('confirm the basis')}`;
const NONE = 'no personal data';

const AGREED = 'shoppers who agreed';
const EVERYBODY = 'everybody near, with a phone that sends';
const NOBODY = 'nobody';
const WRAPPED = "disk, encrypted (AES-256-GCM) under the box's own key";
const DISK = 'disk, in a file that this service alone can read; overwritten when removed';
const MEMORY = 'memory';
const HERE = ['nobody: it stays on this box'];

/** What this configuration holds. Modes that recognise nobody hold no visits, places or personal events. */
export function inventoryOf(config: Config): Holding[] {
  const mode = modeOf(config);
  // Lists come wherever their issuer is configured, whether this mode uses them or not.
  const lists = mode === 'identify' || config.consents.issuerKeys.length > 0 ? ofLists(config) : [];
  const held: Record<Mode, readonly (readonly Holding[])[]> = {
    off: [lists, ofEverything(config)],
    anonymous: [lists, ofCounting(config), ofEverything(config)],
    identify: [lists, ofRecognising(config), ofCounting(config), ofEverything(config)],
  };
  return held[mode].flat();
}

/** Who receives events: kinds and hosts, never a credential. */
export function recipientsOf({ uplinks }: Config): string[] {
  if (uplinks.length === 0) return ['nobody yet: no uplink is configured, events wait on this box'];
  return uplinks.map(({ kind, url }) => `the profile store at ${new URL(url).host} (${kind})`);
}

function ofLists(config: Config): Holding[] {
  const { maxAgeHours } = config.consents;
  return [
    {
      id: 'consents',
      what: 'consent records: reference of the profile store, purposes, notice, validity, and the keys by which the person can be recognised',
      whose: `${AGREED} to it in this shop`,
      purpose: 'to know who may be recognised, for what, until when',
      basis: CONSENT,
      where: WRAPPED,
      keptFor: `until withdrawn, expired or no longer listed; keys of one day only on that day; unused once the list is older than ${maxAgeHours} h`,
      recipients: HERE,
    },
    {
      id: 'choices',
      what: 'grants, withdrawals and erasures made in the shop: record, version, moment',
      whose: 'who chose here',
      purpose: 'so that an older list does not undo the choice',
      basis: PROOF,
      where: DISK,
      keptFor: 'until the central list knows of it',
      recipients: recipientsOf(config),
    },
  ];
}

function ofRecognising(config: Config): Holding[] {
  const { personalHours } = config.retention;
  const recipients = recipientsOf(config);
  const page = config.dashboard
    ? [`the dashboard on ${config.dashboard.listen}, for who holds its token`]
    : HERE;
  return [
    {
      id: 'key-tables',
      what: 'the same keys, and what they look like on the air now',
      whose: AGREED,
      purpose: 'to recognise them',
      basis: CONSENT,
      where: MEMORY,
      keptFor: 'as long as the consent record; gone with the process',
      recipients: HERE,
    },
    {
      id: 'tag-clocks',
      what: "how far the clock of a person's tag has drifted",
      whose: `${AGREED} and carry a tag of the shop's`,
      purpose: 'to go on recognising the tag',
      basis: CONSENT,
      where: DISK,
      keptFor: 'as long as the consent record',
      recipients: HERE,
    },
    {
      id: 'places',
      what: 'where somebody is: signal strengths of the last seconds, area, estimated position',
      whose: `${AGREED} to be located`,
      purpose: 'to tell areas and stays',
      basis: CONSENT,
      where: MEMORY,
      keptFor: 'as long as the visit',
      recipients: page,
    },
    {
      id: 'visits',
      what: 'open visits: reference, beginning, last sighting; with location the areas and stays so far',
      whose: AGREED,
      purpose: 'so that a restart does not begin a visit twice',
      basis: CONSENT,
      where: WRAPPED,
      keptFor:
        'until the visit ends: five minutes after the last sighting at most, at once with a withdrawal',
      recipients: HERE,
    },
    {
      id: 'message-numbers',
      what: 'numbers of the last messages of devices and of app sessions (a random name for each session)',
      whose: `devices; ${AGREED} and use the app`,
      purpose: 'so that a message sent again counts once',
      basis: CONSENT,
      where: DISK,
      keptFor: '24 h after the last message',
      recipients: HERE,
    },
    {
      id: 'events',
      what: 'personal events that wait for delivery',
      whose: AGREED,
      purpose: `what was agreed to: ${purposesInUse().join(', ')}`,
      basis: CONSENT,
      where: "disk, encrypted under a key of each person's own, which is destroyed with a withdrawal",
      keptFor: `0 s once delivered; undelivered at most ${personalHours} h, then declared as expired`,
      recipients,
    },
    {
      id: 'dead-letters',
      what: 'personal events that the profile store refused for good',
      whose: AGREED,
      purpose: 'to find out why',
      basis: CONSENT,
      where: "disk, encrypted under a key of each person's own, which is destroyed with a withdrawal",
      keptFor: `${personalHours} h`,
      recipients: HERE,
    },
  ];
}

function ofCounting(config: Config): Holding[] {
  return [
    {
      id: 'unknown-addresses',
      what: 'radio addresses that were heard, each as a hash under a key that is drawn anew and never written',
      whose: EVERYBODY,
      purpose: 'so that one phone counts once',
      basis: COUNTING,
      where: MEMORY,
      keptFor: 'at most 5 min',
      recipients: HERE,
    },
    {
      id: 'crowd-counts',
      what: `how many are near, per area and five minutes: rounded to ${ROUNDING}, nothing below ${K}`,
      whose: `${NOBODY}: a number names no one`,
      purpose: 'to know how busy the shop is',
      basis: `${NONE} once counted`,
      where: 'memory, five minutes; then an event on disk',
      keptFor: `until delivered, at most ${config.retention.telemetryDays} days`,
      recipients: recipientsOf(config),
    },
  ];
}

function ofEverything(config: Config): Holding[] {
  return [
    {
      id: 'impersonal-events',
      what: 'events of shelves, buttons, climate, devices and the gateway that wait for delivery',
      whose: NOBODY,
      purpose: 'to run the shop',
      basis: NONE,
      where: DISK,
      keptFor: `until delivered; of business at most ${config.retention.businessDays} days, of telemetry ${config.retention.telemetryDays}`,
      recipients: recipientsOf(config),
    },
    {
      id: 'audit',
      what: 'the audit: moment, consent record, version and purposes of grants, withdrawals, expiries and erasures; changes of mode',
      whose: `${AGREED}, by the id of their consent record alone`,
      purpose: 'to prove consent and its end',
      basis: PROOF,
      where: 'disk, hash-chained; only added to',
      keptFor: gap('how long the proof is needed; this version removes nothing from it'),
      recipients: ['whoever checks it: aisle audit verify'],
    },
    {
      id: 'devices',
      what: 'what shelves hold, how thermostats are set, commands under way, device secrets as keyed hashes, counters',
      whose: NOBODY,
      purpose: 'to run the shop',
      basis: NONE,
      where: DISK,
      keptFor: 'as long as the device',
      recipients: HERE,
    },
  ];
}
