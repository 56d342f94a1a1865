import type { Registry } from 'prom-client';
import type { Refusal } from '../../inputs/mqtt-broker.ts';
import { counters, gauges, type Labelled, labelOf } from './at-scrape.ts';
import type { Figures } from './figures.ts';
import type { Observed } from './observed.ts';

type Refused = Refusal | 'no room';

/** Under which metric a refusal is counted, each under one. */
const FAMILY: Readonly<Record<Refused, 'connect' | 'acl' | 'packet'>> = {
  'no credentials': 'connect',
  'wrong credentials': 'connect',
  'foreign client id': 'connect',
  'keep alive': 'connect',
  'protocol version': 'connect',
  'foreign topic': 'acl',
  'foreign filter': 'acl',
  'over 64 KiB': 'packet',
  'too much at once': 'packet',
  'broken connection': 'packet',
  'no room': 'packet',
};

/** What `decode` says of a message that it drops; whatever else is said, a bridge's words for one, is `other`. */
const DROPPED = ['unknown device', 'unknown message', 'not JSON', 'wrong form', 'check-in', 'other'];

const refusals = (family: string) => Object.keys(FAMILY).filter((what) => FAMILY[what as Refused] === family);

/** The broker, and what became of what it was sent. */
export function mqttMetrics(registry: Registry, seen: Observed, now: () => Figures): void {
  const refused = (what: string) => now().refused[what] ?? 0;
  gauges(registry, [
    {
      name: 'gateway_mqtt_connections',
      help: 'Clients that are connected to the broker.',
      read: () => now().connections,
    },
  ]);
  counters(registry, [
    {
      name: 'gateway_mqtt_connects_total',
      help: 'Clients that came, by what became of it.',
      labels: ['result'],
      read: () => [
        [{ result: 'accepted' }, seen.connects],
        ...refusals('connect').map((what): Labelled => [{ result: labelOf(what) }, refused(what)]),
      ],
    },
    {
      name: 'gateway_mqtt_messages_received_total',
      help: 'Messages that clients published, taken or not.',
      labels: ['qos'],
      read: () => ([0, 1, 2] as const).map((qos) => [{ qos: `${qos}` }, seen.messages[qos]]),
    },
    {
      name: 'gateway_mqtt_acl_denied_total',
      help: 'Topics that a device may not publish to, filters that it may not subscribe to.',
      labels: ['action'],
      read: () => [
        [{ action: 'publish' }, refused('foreign topic')],
        [{ action: 'subscribe' }, refused('foreign filter')],
      ],
    },
    {
      name: 'gateway_mqtt_packets_rejected_total',
      help: 'Messages and connections that were ended for another reason than rights.',
      labels: ['reason'],
      read: () => refusals('packet').map((what) => [{ reason: labelOf(what) }, refused(what)]),
    },
    {
      name: 'gateway_mqtt_messages_dropped_total',
      help: 'Messages that were acknowledged and said nothing, by why.',
      labels: ['reason'],
      read: () => droppedBy(now().dropped),
    },
    {
      name: 'gateway_mqtt_slowed_total',
      help: 'How often a device sent more than its share and was read more slowly.',
      read: () => Object.values(now().slowed).reduce((sum, n) => sum + n, 0),
    },
  ]);
}

function droppedBy(dropped: Readonly<Record<string, number>>): Labelled[] {
  const byReason = new Map(DROPPED.map((reason) => [reason, 0]));
  for (const [words, n] of Object.entries(dropped)) {
    const reason = words.startsWith('check-in: ') ? 'check-in' : words;
    const known = byReason.has(reason) ? reason : 'other';
    byReason.set(known, (byReason.get(known) ?? 0) + n);
  }
  return [...byReason].map(([reason, n]) => [{ reason: labelOf(reason) }, n]);
}
