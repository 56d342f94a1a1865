/** One requirement, what is done for it, and what shows it: test files, or commands in back quotes. */
export interface Measure {
  id: `R${number}`;
  does: string;
  shownBy: readonly string[];
  /** What is not there yet. */
  lacks?: string;
}

const PROOF = '`npm run privacy-proof`';

export const MEASURES: readonly Measure[] = [
  {
    id: 'R1',
    does: 'Nothing that identifies somebody without consent reaches disk, log, broker or network.',
    shownBy: [PROOF, 'test/gateway/strangers-at-the-bridge.test.ts', '`npm run demo`, "Who was that?"'],
  },
  {
    id: 'R2',
    does: 'A receiver drops what could be nobody’s key before it is queued.',
    shownBy: [
      'test/devices/frame-sieve.test.ts',
      'test/devices/frame-filter.test.ts',
      'test/gateway/inputs/bridge-door.test.ts',
      'test/gateway/counting.test.ts',
    ],
  },
  {
    id: 'R3',
    does: 'Unknown addresses are in memory only, as hashes under a random key, five minutes at most.',
    shownBy: ['test/gateway/counting.test.ts', 'test/gateway/recognise/private-address.test.ts'],
  },
  {
    id: 'R4',
    does: 'Only the states given and renewed permit; everybody else is a stranger.',
    shownBy: ['test/gateway/consents.test.ts', 'test/gateway/recognise/contract.test.ts'],
  },
  {
    id: 'R5',
    does: 'Consent is by purpose and shop; an event without its purposes is not made.',
    shownBy: [
      'test/gateway/pipeline/properties.test.ts',
      'test/gateway/pipeline/shop-choices.test.ts',
      'test/gateway/event-types.test.ts',
    ],
  },
  {
    id: 'R6',
    does: 'A withdrawal stops recognition within a second and removes keys, visit and waiting events.',
    shownBy: [
      'test/gateway/pipeline/shop-choices.test.ts',
      'test/gateway/erasure.test.ts',
      'test/scenarios/scenarios.test.ts',
    ],
  },
  {
    id: 'R7',
    does: 'Wherever somebody can agree they can withdraw, in no more steps.',
    shownBy: [
      'test/gateway/kiosk/routes.test.ts',
      'test/gateway/kiosk/page.test.ts',
      'test/gateway/pipeline/context/check-ins.test.ts',
    ],
  },
  {
    id: 'R8',
    does: 'A grant never reaches back before its beginning.',
    shownBy: ['test/gateway/pipeline/shop-choices.test.ts', 'test/gateway/consents.test.ts'],
  },
  {
    id: 'R9',
    does: 'Validity ends by the box’s own clock; with a stale list or an unsure clock nobody is recognised.',
    shownBy: ['test/gateway/pipeline/mode-in-force.test.ts', 'test/gateway/consents.test.ts'],
  },
  {
    id: 'R10',
    does: 'Lists are signed and only grow; older, unsigned or foreign ones are refused.',
    shownBy: ['test/gateway/downlink/central-message.test.ts', 'test/gateway/cli/consents.test.ts'],
  },
  {
    id: 'R11',
    does: 'Every personal event names the consent record, its version, the notice and the purposes.',
    shownBy: ['test/gateway/event-types.test.ts'],
  },
  {
    id: 'R12',
    does: 'Grants, withdrawals, expiries, erasures and changes of mode stand in a hash-chained audit.',
    shownBy: ['test/gateway/audit.test.ts', '`aisle audit verify`'],
  },
  {
    id: 'R13',
    does: 'Keys and consent records are encrypted at rest and stand in no log, error or JSON.',
    shownBy: [
      'test/gateway/erasure.test.ts',
      'test/gateway/recognise/contract.test.ts',
      'test/gateway/cli/consents.test.ts',
    ],
  },
  {
    id: 'R14',
    does: 'The box holds keys only for its own shop, and of daily keys only today’s.',
    shownBy: ['test/gateway/recognise/contract.test.ts', 'test/gateway/cli/consents.test.ts'],
  },
  {
    id: 'R15',
    does: 'Erasure takes everything of a person, is certified by signature, and can be repeated.',
    shownBy: ['test/gateway/erasure.test.ts', 'test/gateway/erasure-crash.test.ts', '`aisle subject erase`'],
  },
  {
    id: 'R16',
    does: 'Everything held of a person is given out as JSON.',
    shownBy: ['test/gateway/cli/subject.test.ts', '`aisle subject export`'],
  },
  {
    id: 'R17',
    does: 'Delivered events are gone at once; undelivered personal ones after a set time.',
    shownBy: ['test/gateway/outbox/outbox.test.ts'],
  },
  {
    id: 'R18',
    does: 'Counts come from at most five minutes in memory, rounded to 5, and none below 10.',
    shownBy: ['test/gateway/counting.test.ts', 'test/gateway/pipeline/mode-in-force.test.ts'],
  },
  {
    id: 'R19',
    does: 'The key under which strangers are counted is random, in memory, and new for each window.',
    shownBy: [
      'test/gateway/counting.test.ts',
      'test/gateway/anonymous-path.test.ts',
      'test/devices/frame-sieve.test.ts',
    ],
  },
  {
    id: 'R20',
    does: 'Changing addresses of a stranger are never linked: what is not recognised has no identity.',
    shownBy: ['test/gateway/anonymous-path.test.ts', 'test/gateway/requirements/no-linking.test.ts'],
  },
  {
    id: 'R21',
    does: 'A private address has to be confirmed by a second, different one before anything is told.',
    shownBy: ['test/gateway/recognise/private-address.test.ts'],
  },
  {
    id: 'R22',
    does: 'Who objects to being counted is left out before anything is collected.',
    shownBy: [
      'test/gateway/objections.test.ts',
      'test/gateway/opt-out.test.ts',
      'test/devices/opt-out.test.ts',
    ],
  },
  {
    id: 'R23',
    does: 'Nothing personal stands outside of an event’s data: no attribute, topic, URL or partition key.',
    shownBy: ['test/gateway/event-types.test.ts', 'test/gateway/kiosk/page.test.ts'],
  },
  {
    id: 'R24',
    does: 'What a hand did is linked to a person only under interaction, and where nobody else could have done it.',
    shownBy: ['test/gateway/pipeline/attribution.test.ts'],
  },
  {
    id: 'R25',
    does: 'A sensitive area never gives a personal event.',
    shownBy: ['test/gateway/pipeline/mode-in-force.test.ts', 'test/gateway/pipeline/context/visits.test.ts'],
  },
  {
    id: 'R26',
    does: 'The broker is behind TLS, each device has a secret and its own topics, and reads nobody else’s.',
    shownBy: [
      'test/gateway/access/topics.test.ts',
      'test/gateway/inputs/bridge.test.ts',
      'test/gateway/inputs/credentials-and-topics.test.ts',
    ],
    lacks: 'devices prove themselves by a secret, not by a certificate yet',
  },
  {
    id: 'R27',
    does: 'The inventory is made from the code and the running configuration.',
    shownBy: ['test/gateway/privacy/inventory.test.ts', '`aisle privacy report`'],
  },
  {
    id: 'R28',
    does: 'Without a notice nobody is recognised; the notice is made from the running configuration.',
    shownBy: [
      'test/gateway/pipeline/mode-in-force.test.ts',
      'test/gateway/kiosk/notice.test.ts',
      '`aisle privacy notice`',
    ],
  },
  {
    id: 'R29',
    does: 'Keys of demonstrations and tests are refused by a real store, a data folder is one store’s, and no log level prints a payload.',
    shownBy: ['test/gateway/start-guard.test.ts', 'test/firmware-sim/demo.test.ts'],
  },
];
