import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConsentRecord } from '../../../gateway/consent-record.ts';
import type { Outcome, StoreEvent } from '../../../gateway/pipeline/outcome.ts';
import type { Signal } from '../../../gateway/pipeline/signal.ts';
import {
  bthomeFrame,
  consent,
  LOCKED_BUTTON,
  list,
  message,
  OPEN_BUTTON,
  shop,
  TEN,
  tick,
  tokenOf,
  UUID,
} from './shop.ts';

/*
 * Any sequence of signals, sensible and senseless: shoppers' reports, frames, devices, lists that give
 * and take consent, ticks with a clock that may be lost, commands, noise.
 */

/** Four people that lists may name, and four strangers whom no list ever does. */
const KNOWN = [1, 2, 3, 4];
const STRANGERS = [101, 102, 103, 104];
const person = fc.constantFrom(...KNOWN, ...STRANGERS);
const strangerAddress = (n: number) => `c0:ff:ee:00:00:${n.toString(16).padStart(2, '0')}`;

/** A tag's static id: the shopper's number as major, a mark that is easy to find as minor. */
const tagFrame = (n: number) => `0201061aff4c000215${UUID}${n.toString(16).padStart(4, '0')}beefc5`;
const tagKey = (n: number) => ({ kind: 'ibeacon', uuid: UUID, major: n, minor: 0xbeef });

const state = fc.constantFrom('given', 'renewed', 'withdrawn', 'refused', 'expired', 'unknown');
const purposes = fc.constantFrom<string[]>(
  ['recognition'],
  ['recognition', 'location'],
  ['location'],
  ['recognition', 'location', 'interaction'],
  [],
);
const record = fc
  .record({
    n: fc.constantFrom(...KNOWN),
    subject: fc.constantFrom(1, 2, 3),
    version: fc.nat(5),
    state,
    purposes,
    stores: fc.constantFrom(['s1'], ['s2'], ['s1', 's2']),
    until: fc.option(fc.nat(600)),
    staff: fc.boolean(),
  })
  .map(
    ({ n, subject, until, ...more }): ConsentRecord =>
      consent(n, {
        ...more,
        subjectRef: `person-${subject}`,
        recordId: `c${n}`,
        ...(until !== null && { validUntil: new Date(TEN + until * 1_000).toISOString() }),
        keys: [{ kind: 'app', token: tokenOf(n) }, tagKey(n)],
      }),
  );

const numbering = fc.option(fc.record({ boot: fc.constantFrom('b1', 'b2'), seq: fc.nat(20) }), { nil: {} });
const json = fc.oneof(
  fc.json(),
  fc.string(),
  fc.constantFrom('{"frames":[{}]}', '{"token":1}', '{"__proto__":{"x":1}}'),
);
const device = fc.constantFrom(
  'app',
  'r-shoes',
  'r-bags',
  'shelf-1',
  'button-1',
  'radiator-1',
  'climate-1',
  'nobody',
);
const what = fc.constantFrom(
  'ranged',
  'advertisements',
  'crowd',
  'weight',
  'pressed',
  'thermostat',
  'climate',
  'state',
  'replies/setpoint',
);

type Make = (at: number) => Signal;
const made = <T>(values: fc.Arbitrary<T>, make: (value: T, at: number) => Signal): fc.Arbitrary<Make> =>
  values.map((value) => (at) => make(value, at));

const report = made(
  fc.record({
    n: person,
    minors: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 2 }),
    rssi: fc.integer({ min: -100, max: -30 }),
    numbering,
  }),
  ({ n, minors, rssi, numbering: numbered }, at) =>
    message(
      'app',
      'ranged',
      {
        ...numbered,
        token: tokenOf(n),
        beacons: minors.map((minor) => ({ uuid: UUID, major: 1, minor, rssi })),
      },
      at,
    ),
);
const frame = fc.oneof(
  person.map((n) => ({ address: strangerAddress(n), data: tagFrame(n) })),
  fc.nat(3).map((pid) => ({ address: OPEN_BUTTON, data: bthomeFrame(`40000${pid}3a01`) })),
  fc.constant({ address: LOCKED_BUTTON, data: bthomeFrame('450aeb84467f85ba0100003188788c') }),
  fc
    .uint8Array({ maxLength: 31 })
    .map((data) => ({ address: strangerAddress(9), data: Buffer.from(data).toString('hex') })),
);
const heard = made(
  fc.record({
    frames: fc.array(fc.tuple(frame, fc.nat(600_000), fc.option(fc.integer({ min: -100, max: 0 }))), {
      maxLength: 4,
    }),
    receiver: fc.constantFrom('r-entrance', 'r-shoes', 'r-pharmacy'),
    numbering,
  }),
  ({ frames, receiver, numbering: numbered }, at) =>
    message(
      receiver,
      'advertisements',
      {
        ...numbered,
        frames: frames.map(([one, ageMs, rssi]) => ({ ...one, addressType: 'random', rssi, ageMs })),
      },
      at,
    ),
);
const advertised = made(
  fc.tuple(frame, fc.constantFrom('r-shoes', 'elsewhere')),
  ([{ address, data }, receiver], at) => ({
    kind: 'advertisement',
    receiver,
    address,
    addressType: 'random',
    rssi: null,
    data: Buffer.from(data, 'hex'),
    at,
  }),
);
const weighed = made(
  fc.record({
    slot: fc.nat(1),
    g: fc.constantFrom(0, 390, 400, 800, 1_600, 3_200, -400, 1_000),
    isDelta: fc.boolean(),
    numbering,
  }),
  ({ slot, g, isDelta, numbering: numbered }, at) =>
    message('shelf-1', 'weight', { ...numbered, slots: [isDelta ? { slot, deltaG: g } : { slot, g }] }, at),
);
const pressed = made(numbering, (numbered, at) =>
  message('button-1', 'pressed', { ...numbered, press: 'press' }, at),
);
const thermostat = made(fc.tuple(fc.integer({ min: 15, max: 20 }), numbering), ([setpointC, numbered], at) =>
  message('radiator-1', 'thermostat', { ...numbered, setpointC, currentC: 19 }, at),
);
const crowd = made(fc.nat(40), (near, at) =>
  message('r-shoes', 'crowd', { windowS: 60, near, far: 2 * near }, at),
);
const noise = made(fc.tuple(device, what, json), ([from, name, payload], at) =>
  message(from, name, payload, at),
);
const consents = made(
  fc.record({
    records: fc.array(record, { maxLength: 4 }),
    isFull: fc.boolean(),
    version: fc.nat(20),
    previous: fc.nat(20),
    isForeign: fc.boolean(),
  }),
  ({ records, isFull, version, previous, isForeign }, at) => ({
    ...list(at, version, records, isFull ? undefined : previous),
    ...(isForeign && { storeId: 's2' }),
  }),
);
/** The clock is seldom lost, and soon found again. */
const clock = fc.oneof(
  { weight: 12, arbitrary: fc.constant(undefined) },
  { weight: 4, arbitrary: fc.constant(true) },
  { weight: 1, arbitrary: fc.constant(false) },
);
const ticked = made(clock, (synchronised, at) => tick(at, synchronised));
const ordered = made(
  fc.record({
    id: fc.constantFrom('x1', 'x2'),
    setpointC: fc.anything(),
    lasts: fc.integer({ min: -5, max: 300 }),
  }),
  ({ id, setpointC, lasts }, at) => ({
    kind: 'command',
    at,
    command: {
      id,
      storeId: 's1',
      gateway: 'g1',
      action: 'setpoint',
      args: { device: 'radiator-1', setpointC },
      issuedAt: at,
      expiresAt: at + lasts * 1_000,
    },
  }),
);

const step = fc.tuple(
  fc.oneof(
    { weight: 2, arbitrary: fc.constant(0) },
    { weight: 6, arbitrary: fc.nat(5_000) },
    { weight: 2, arbitrary: fc.nat(60_000) },
    { weight: 1, arbitrary: fc.nat(400_000) },
  ),
  fc.oneof(
    { weight: 8, arbitrary: report },
    { weight: 5, arbitrary: heard },
    { weight: 2, arbitrary: advertised },
    { weight: 3, arbitrary: weighed },
    { weight: 1, arbitrary: pressed },
    { weight: 1, arbitrary: thermostat },
    { weight: 1, arbitrary: crowd },
    { weight: 2, arbitrary: noise },
    { weight: 1, arbitrary: consents },
    { weight: 8, arbitrary: ticked },
    { weight: 1, arbitrary: ordered },
  ),
);
/** Agreed from the start: to all; not to be located; for some minutes only; and the same person once more. */
const FIRST_LIST = [
  consent(1),
  consent(2, { purposes: ['recognition'] }),
  consent(3, { validUntil: new Date(TEN + 200_000).toISOString() }),
  consent(4),
].map((one, i) => ({
  ...one,
  subjectRef: `person-${Math.min(i + 1, 3)}`,
  keys: consent(i + 1, { keys: [{ kind: 'app', token: tokenOf(i + 1) }, tagKey(i + 1)] }).keys,
}));
const signals = fc.array(step, { minLength: 20, maxLength: 80, size: 'max' }).map((steps) => {
  const made: Signal[] = [list(TEN, 1, FIRST_LIST)];
  let at = TEN;
  for (const [after, make] of steps) {
    at += after;
    made.push(make(at));
  }
  return made;
});

const RUNS = 100;
const PERSONAL = new Set(['visit.started', 'visit.amended', 'zone.entered', 'zone.dwelled', 'zone.exited']);

function outcomesOf(all: readonly Signal[]): Outcome[] {
  const pipeline = shop();
  return all.map((signal) => pipeline.accept(signal));
}

const eventsOf = (outcomes: readonly Outcome[]) => outcomes.flatMap(({ events }) => events);

describe('whatever happens in the shop', () => {
  it('nothing is thrown, and the same signals bring about the same outcomes', () => {
    fc.assert(
      fc.property(signals, (all) => {
        expect(JSON.stringify(outcomesOf(all))).toBe(JSON.stringify(outcomesOf(all)));
      }),
      { numRuns: RUNS },
    );
  });

  it('R5, R11: every personal event names its subject and a consent that granted what it tells', () => {
    fc.assert(
      fc.property(signals, (all) => {
        for (const event of eventsOf(outcomesOf(all))) expectLawful(event);
      }),
      { numRuns: RUNS },
    );
  });

  it('R4, R9: nobody is told of whose consent was not in force at that moment', () => {
    fc.assert(
      fc.property(signals, (all) => {
        const pipeline = shop();
        const granted = grants();
        for (const signal of all) {
          const { events, refused } = pipeline.accept(signal);
          granted.follow(signal, refused === undefined);
          for (const { subjectRef } of events) {
            if (subjectRef !== undefined) expect(granted.includes(subjectRef, signal.at)).toBe(true);
          }
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('R1: no identifier of a stranger is in any outcome, nor an address of anybody', () => {
    const marks = [...STRANGERS.flatMap((n) => [tokenOf(n), tagFrame(n).slice(-14)]), 'c0:ff:ee', 'c0ffee'];
    fc.assert(
      fc.property(signals, (all) => {
        const text = JSON.stringify(outcomesOf(all)).toLowerCase();
        for (const mark of marks) expect(text).not.toContain(mark);
      }),
      { numRuns: RUNS },
    );
  });

  it('no key of anybody is in an event or a command', () => {
    fc.assert(
      fc.property(signals, (all) => {
        const text = JSON.stringify(outcomesOf(all).map(({ events, commands }) => [events, commands]));
        for (const n of KNOWN) expect(text).not.toContain(tokenOf(n));
        expect(text).not.toContain(UUID);
      }),
      { numRuns: RUNS },
    );
  });

  it('every visit that ends began, once, and its zones are entered and left in turn', () => {
    fc.assert(
      fc.property(signals, (all) => expectWholeVisits(eventsOf(outcomesOf(all)))),
      { numRuns: RUNS },
    );
  });
});

function expectLawful({ name, data, subjectRef, visitId }: StoreEvent): void {
  const { subject, consent: restsOn } = data as {
    subject?: { ref: string };
    consent?: { purposes: string[] };
  };
  expect(subject?.ref).toBe(subjectRef);
  expect(restsOn !== undefined).toBe(subjectRef !== undefined);
  if (PERSONAL.has(name)) expect(subjectRef).toBeDefined();
  if (subjectRef === undefined) {
    expect(JSON.stringify(data)).not.toContain('person-');
    if (name === 'visit.ended') expect(data).not.toHaveProperty('zones');
    return;
  }
  expect([data.visitId, visitId]).toEqual([visitId, expect.stringMatching(/^[0-9a-f]{32}$/)]);
  expect(restsOn).toMatchObject({
    recordId: expect.any(String),
    version: expect.any(Number),
    noticeVersion: '3',
  });
  expect(restsOn?.purposes).toContain('recognition');
  const tellsPlaces = name.startsWith('zone.') || 'zones' in data || 'position' in data;
  if (tellsPlaces) expect(restsOn?.purposes).toContain('location');
  expect(JSON.stringify(data)).not.toContain('pharmacy');
}

function expectWholeVisits(events: readonly StoreEvent[]): void {
  const open = new Map<string, { zone?: string }>();
  for (const { name, visitId = '', data } of events) {
    const visit = open.get(visitId);
    if (name === 'visit.started') {
      expect(visit).toBeUndefined();
      open.set(visitId, {});
    } else if (name === 'visit.ended') {
      expect(visit).toBeDefined();
      open.delete(visitId);
    } else if (name.startsWith('zone.')) {
      expect(visit).toBeDefined();
      if (name === 'zone.entered') open.set(visitId, { zone: String(data.zoneId) });
      else expect(visit?.zone).toBe(data.zoneId);
      if (name === 'zone.exited') open.set(visitId, {});
    }
  }
}

/** A second and simpler telling of who agreed, by the lists that were taken. */
function grants() {
  let records = new Map<string, ConsentRecord>();
  return {
    follow(signal: Signal, wasTaken: boolean): void {
      if (signal.kind !== 'consents' || !wasTaken) return;
      if (signal.list === 'full') {
        const named = new Set(signal.records.map(({ recordId }) => recordId));
        records = new Map([...records].filter(([recordId]) => named.has(recordId)));
      }
      for (const one of [...signal.records].sort((a, b) => a.version - b.version)) {
        if ((records.get(one.recordId)?.version ?? -1) <= one.version) records.set(one.recordId, one);
      }
    },
    includes: (subjectRef: string, at: number): boolean =>
      [...records.values()].some(
        (one) =>
          one.subjectRef === subjectRef &&
          (one.state === 'given' || one.state === 'renewed') &&
          one.purposes.includes('recognition') &&
          one.stores.includes('s1') &&
          one.staff !== true &&
          at < Date.parse(one.validUntil ?? '9999-01-01T00:00:00Z'),
      ),
  };
}
