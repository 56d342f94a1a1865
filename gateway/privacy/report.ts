import type { Config } from '../config.ts';
import type { Purpose } from '../consent-record.ts';
import { EVENT_TYPES, type EventType, waitsHere } from '../event-types.ts';
import { isPlatform } from '../uplinks/index.ts';
import { gap, type Holding, inventoryOf, recipientsOf } from './inventory.ts';
import { FILES } from './kinds.ts';
import { MEASURES, type Measure } from './measures.ts';
import { exceptionsOf, type Mode, modeOf } from './mode.ts';
import { gapsIn } from './notice.ts';
import { waysOf } from './ways.ts';

/** Material for an impact assessment (GDPR art. 35(7)): facts of this box; what only people can judge is marked. */
export interface Report {
  /** ISO 8601. */
  at: string;
  store: string;
  gateway: string;
  mode: Mode;
  description: string[];
  necessity: string[];
  exceptions: { zone: string; mode: Mode; sensitive: boolean }[];
  inventory: Holding[];
  /** Of the data folder, and what is in each. */
  files: { file: string; holds: string }[];
  events: (Pick<EventType, 'name' | 'personal' | 'says'> & { purposes: readonly Purpose[]; waits: string })[];
  flows: { from: string; to: string; what: string; protection: string }[];
  recipients: string[];
  retention: { what: string; limit: string }[];
  risks: Risk[];
  measures: readonly Measure[];
  /** What the controller and their lawyer still have to say, each once. */
  gaps: string[];
}

/** A risk to people's rights, and what is done about it. */
export interface Risk {
  risk: string;
  measures: Measure['id'][];
  /** The controller's to judge. */
  left: string;
}

export function reportOf(config: Config, at: number): Report {
  const mode = modeOf(config);
  const report = {
    at: new Date(at).toISOString(),
    store: config.store.id,
    gateway: config.store.gateway,
    mode,
    description: descriptionOf(config),
    necessity: [...necessityOf(mode), ...ofPrivateAddresses(config)],
    exceptions: exceptionsOf(config),
    inventory: inventoryOf(config),
    files: Object.entries(FILES).map(([file, holds]) => ({ file, holds })),
    events: eventsOf(config),
    flows: flowsOf(config),
    recipients: recipientsOf(config),
    retention: retentionOf(config),
    risks: RISKS,
    measures: MEASURES,
  };
  const ofLawyer = [
    gap('the opinion of the data protection officer, art. 35(2)'),
    gap('the views of the people concerned, art. 35(9)'),
    gap('transfers outside the European Economic Area, art. 44'),
  ];
  return { ...report, gaps: [...new Set([...gapsIn(JSON.stringify(report)), ...ofLawyer])] };
}

const IN_WORDS: Record<Mode, string> = {
  off: 'It recognises and counts nobody.',
  anonymous:
    'It recognises nobody, and counts phones that are near without telling them apart for longer than five minutes.',
  identify:
    'It recognises shoppers who agreed, by keys of theirs in a signed list, and nobody else; everybody else is only counted.',
};

function descriptionOf(config: Config): string[] {
  const { store, map, devices } = config;
  const notice = store.notice && `Its notice is ${store.notice.id}, version ${store.notice.version}.`;
  return [
    `The box ${store.gateway} in the shop ${store.id} hears ${devices.length} devices in ${map.zones.length} areas.`,
    IN_WORDS[modeOf(config)],
    notice ?? 'It has no notice, so it recognises nobody whatever the mode says.',
    `Controller: ${gap('name and contact')}. Data protection officer: ${gap('name and contact')}.`,
  ];
}

function necessityOf(mode: Mode): string[] {
  if (mode === 'off') return ['No personal data is processed.'];
  const counting =
    'Counting: radio addresses are made unrecognisable in memory before anything is counted, and are gone within five minutes; only rounded numbers of 10 and more leave memory.';
  if (mode === 'anonymous') return [counting, gap('why counting is needed')];
  return [
    'Recognition rests on consent alone, by purpose, for this shop, until a set day, and ends at once when it is withdrawn.',
    'Each event carries the purposes it rests on; where one is not granted the event is not made.',
    counting,
    gap('why recognition is needed, and what less would not do'),
  ];
}

function ofPrivateAddresses(config: Config): string[] {
  if (!waysOf(config).includes('irk') || modeOf(config) !== 'identify') return [];
  return [
    `Resolving private addresses is on (recognise.privateAddress): its key is of the person's whole device and cannot be changed when consent ends; it is deleted here. ${gap('why another way does not do')}`,
  ];
}

function eventsOf(config: Config): Report['events'] {
  const isMade = ({ personal }: EventType) => personal !== 'always' || modeOf(config) === 'identify';
  return EVENT_TYPES.filter(isMade).map((type) => {
    const { name, personal, says, purposes } = type;
    return { name, personal, says, purposes, waits: waitsHere(type, config.retention) };
  });
}

function flowsOf(config: Config): Report['flows'] {
  const { mqtt, radio } = config.inputs;
  const sends = config.uplinks.map(({ kind, url }) => ({
    from: 'the box',
    to: `${new URL(url).host} (${kind})`,
    what: 'events, signed certificates of erasures',
    protection: protectionOf(url),
  }));
  const brings = config.uplinks.filter(isPlatform).map(({ kind, url }) => ({
    from: `${new URL(url).host} (${kind})`,
    to: 'the box',
    what: 'consent lists and commands, each signed by an issuer of the configuration',
    protection: protectionOf(url),
  }));
  return [
    {
      from: 'devices and receivers',
      to: `the broker on ${mqtt.listen}`,
      what: 'messages of devices; frames that could be a key or a device of the shop, and counts of everybody else',
      protection: mqtt.tls ? 'TLS, a secret for each device' : 'no TLS, a secret for each device',
    },
    ...(radio
      ? [
          {
            from: `the radio process (${radio.receiver})`,
            to: 'the broker',
            what: 'the same, from this machine’s Bluetooth adapter',
            protection: protectionOf(radio.gateway.url),
          },
        ]
      : []),
    ...sends,
    ...brings,
    ...(config.dashboard
      ? [
          {
            from: 'the box',
            to: `the dashboard on ${config.dashboard.listen}`,
            what: 'who is where, of those who agreed to be located; the kiosk: what one person agreed to, to that person',
            protection: 'a token in a file; on the kiosk the person’s own code',
          },
        ]
      : []),
  ];
}

function protectionOf(url: string): string {
  return /^(https|mqtts):/.test(url) ? 'TLS' : 'no TLS';
}

function retentionOf(config: Config): Report['retention'] {
  const { personalHours } = config.retention;
  return [
    { what: 'delivered events', limit: '0 s' },
    {
      what: 'undelivered personal events, and refused ones (retention.personalHours)',
      limit: `${personalHours} h`,
    },
    {
      what: 'a consent list that is not renewed (consents.maxAgeHours)',
      limit: `${config.consents.maxAgeHours} h`,
    },
    { what: 'addresses of everybody else, in memory', limit: '5 min' },
    { what: 'an open visit without a sighting', limit: '5 min' },
    { what: 'the audit', limit: gap('how long the proof is needed') },
  ];
}

const LEFT = gap('likelihood and severity of what is left');

export const RISKS: Risk[] = [
  {
    risk: 'Somebody who did not agree is recorded, followed or known again.',
    measures: ['R1', 'R2', 'R3', 'R4', 'R18', 'R19', 'R20', 'R22', 'R29'],
    left: LEFT,
  },
  {
    risk: 'Somebody is taken for somebody else, or what another did is put down to them.',
    measures: ['R20', 'R21', 'R24'],
    left: LEFT,
  },
  {
    risk: 'Somebody is recognised beyond what they agreed to, or after they took it back.',
    measures: ['R4', 'R5', 'R6', 'R7', 'R8', 'R9', 'R10', 'R11'],
    left: LEFT,
  },
  {
    risk: 'The box, a copy of its disk or its network falls into others’ hands.',
    measures: ['R13', 'R14', 'R15', 'R17', 'R23', 'R26'],
    left: LEFT,
  },
  {
    risk: 'Where somebody was tells of their health, belief or private life.',
    measures: ['R25'],
    left: LEFT,
  },
  {
    risk: 'People do not know of it, or cannot use their rights.',
    measures: ['R7', 'R15', 'R16', 'R22', 'R28'],
    left: LEFT,
  },
  {
    risk: 'Nobody can prove afterwards what was agreed to, or what is held.',
    measures: ['R11', 'R12', 'R27'],
    left: LEFT,
  },
];
