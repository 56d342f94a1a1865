import { describe, expect, it } from 'vitest';
import { type BthomeObject, writeBthome } from '../../../devices/wire/bthome.ts';
import { ephemeralId } from '../../../devices/wire/eid.ts';
import type { Outcome } from '../../../gateway/pipeline/outcome.ts';
import type { Pipeline } from '../../../gateway/pipeline/pipeline.ts';
import type { Signal } from '../../../gateway/pipeline/signal.ts';
import {
  advertisement,
  BIND_KEY,
  bthomeFrame,
  consent,
  HOUR,
  LOCKED_BUTTON,
  list,
  MINUTE,
  message,
  names,
  OPEN_BUTTON,
  ranged,
  run,
  SECOND,
  shop,
  shopConfig,
  storedAfter,
  TEN,
  tick,
  tokenOf,
  UUID,
} from './shop.ts';

/** A shop with a list in force, a second ago. */
function open(records = [consent(1)], parts: Parameters<typeof shop>[0] = {}) {
  const pipeline = shop(parts);
  const outcomes = run(pipeline, [tick(TEN - SECOND), list(TEN - SECOND, 1, records)]);
  return { pipeline, outcomes };
}

function accept(pipeline: Pipeline, ...signals: Signal[]): Outcome[] {
  return signals.map((signal) => pipeline.accept(signal));
}

const rows = ({ changes }: Outcome) => changes.map(({ kind, key }) => `${kind} ${key}`);

describe('a consented walk', () => {
  it('gives exactly its visit and zone events', () => {
    const { pipeline } = open();
    const outcomes = run(pipeline, [
      ranged(1, 'entrance', TEN),
      ranged(1, 'shoes', TEN + 20 * SECOND),
      ranged(1, 'shoes', TEN + 55 * SECOND),
      ranged(1, 'bags', TEN + 65 * SECOND),
      tick(TEN + 7 * MINUTE),
    ]);
    expect(names(...outcomes)).toEqual([
      'visit.started',
      'zone.entered',
      'zone.exited',
      'zone.entered',
      'zone.dwelled',
      'zone.exited',
      'zone.entered',
      'zone.exited',
      'visit.ended',
    ]);
  });

  it('leaves nothing in memory once it is over', () => {
    const { pipeline } = open();
    run(pipeline, [ranged(1, 'shoes', TEN)]);
    expect(pipeline.presences().map(({ subject, zone }) => [subject.ref, zone])).toEqual([['p1', 'shoes']]);
    run(pipeline, [tick(TEN), tick(TEN + 6 * MINUTE)]);
    expect(pipeline.presences()).toEqual([]);
  });
});

describe('a tag whose id changes', () => {
  const identityKey = '0102030405060708090a111213141516';
  const sent = (at: number) => {
    const eid = ephemeralId(Buffer.from(identityKey, 'hex'), 10, Math.floor(at / 1_000));
    return advertisement(
      'r-shoes',
      'c0:00:00:00:00:01',
      `0303aafe0d16aafe30ee${Buffer.from(eid).toString('hex')}`,
      at,
    );
  };
  const tagged = consent(1, { keys: [{ kind: 'eid', identityKey, exponent: 10, offset: 0 }] });

  it('is recognised hours later and after a restart, by the id of then', () => {
    const { pipeline, outcomes } = open([tagged]);
    const isSeen = (from: Pipeline, at: number) =>
      names(...run(from, [tick(at), sent(at)])).includes('visit.started');
    expect(isSeen(pipeline, TEN)).toBe(true);
    expect(isSeen(pipeline, TEN + 5 * HOUR)).toBe(true);
    expect(isSeen(shop({ stored: storedAfter(outcomes) }), TEN + 9 * HOUR)).toBe(true);
  });

  it('is not recognised by an id of an hour ago', () => {
    const { pipeline } = open([tagged]);
    pipeline.accept(tick(TEN + HOUR));
    expect(names(pipeline.accept({ ...sent(TEN), at: TEN + HOUR }))).toEqual([]);
  });
});

describe('an unconsented walk', () => {
  const walk = (n: number) => [
    ranged(n, 'shoes', TEN),
    message('app', 'ranged', { ...payloadOf(n), boot: 'stranger', seq: 1 }, TEN + SECOND),
    ranged(n, 'bags', TEN + MINUTE),
    tick(TEN + 10 * MINUTE),
  ];
  const payloadOf = (n: number) => JSON.parse(Buffer.from(ranged(n, 'shoes', TEN).payload).toString());

  it.each([
    ['of a stranger', [consent(1)]],
    ['of somebody who refused', [consent(1), consent(2, { state: 'refused' })]],
    ['of somebody who agreed in another store', [consent(1), consent(2, { stores: ['s2'] })]],
    ['of somebody whose consent is over', [consent(2, { validUntil: '2026-03-02T09:59:59Z' })]],
    ['of somebody whose consent has not begun', [consent(2, { validFrom: '2026-03-02T11:00:00Z' })]],
    ['of staff', [consent(2, { staff: true })]],
  ])('%s gives nothing, and no byte of it is kept', (_, records) => {
    const { pipeline } = open(records);
    const outcomes = run(pipeline, walk(2));
    expect(
      outcomes.flatMap(({ events, changes, purge, commands }) => [events, changes, purge, commands].flat()),
    ).toEqual([]);
    expect(pipeline.presences()).toEqual([]);
  });

  it('is not remembered by its session either: the same message is no repeat', () => {
    const { pipeline } = open();
    const [, report] = walk(2);
    for (const outcome of accept(pipeline, report as Signal, report as Signal)) {
      expect(outcome.repeat).toBeUndefined();
    }
    const forgotten = pipeline.accept(tick(TEN + 25 * HOUR));
    expect(JSON.stringify(forgotten)).not.toContain('stranger');
  });
});

describe('a withdrawal', () => {
  const withdrawal = (at: number) => list(at, 2, [consent(1, { version: 2, state: 'withdrawn' })], 1);

  it('ends the visit that moment, purges the person’s queue, and nobody is recognised after it', () => {
    const { pipeline } = open();
    run(pipeline, [ranged(1, 'shoes', TEN), tick(TEN + 10 * SECOND)]);
    const outcome = pipeline.accept(withdrawal(TEN + 10_300));
    expect(outcome.purge).toEqual([{ subjectRef: 'p1', recordIds: ['c1'], keys: 1, caches: 3 }]);
    expect(outcome.events).toMatchObject([
      { name: 'visit.ended', time: TEN + 10_300, data: { reason: 'withdrawn' } },
    ]);
    expect(outcome.changes).toEqual([
      { kind: 'consent', key: 'c1', value: null },
      { kind: 'visit', key: outcome.events[0]?.visitId, value: null },
      { kind: 'consent-list', key: '', value: { version: 2, issuedAt: TEN + 10_300 } },
    ]);
    expect(pipeline.presences()).toEqual([]);
    const after = run(pipeline, [
      tick(TEN + 11 * SECOND),
      ranged(1, 'bags', TEN + 20 * SECOND),
      tick(TEN + HOUR),
    ]);
    expect(JSON.stringify(after)).not.toMatch(new RegExp(`p1|${tokenOf(1)}`));
    expect(names(...after)).toEqual([]);
  });

  it('of one of two records ends the visit whatever record it rests on; the other may begin a new one', () => {
    const { pipeline } = open([consent(1), consent(2, { subjectRef: 'p1' })]);
    run(pipeline, [ranged(2, 'shoes', TEN)]);
    const outcome = pipeline.accept(withdrawal(TEN + SECOND));
    expect([names(outcome), purged(outcome)]).toEqual([['visit.ended'], ['p1']]);
    expect(outcome.events[0]?.data.recordId).toBe('c1');
    const after = run(pipeline, [ranged(1, 'shoes', TEN + 2 * SECOND), ranged(2, 'shoes', TEN + 3 * SECOND)]);
    expect(names(...after)).toEqual(['visit.started', 'zone.entered']);
  });

  it('is what leaving somebody out of a full list means', () => {
    const { pipeline } = open([consent(1), consent(2)]);
    run(pipeline, [ranged(1, 'shoes', TEN), ranged(2, 'bags', TEN)]);
    const outcome = pipeline.accept(list(TEN + SECOND, 2, [consent(2)]));
    expect([names(outcome), purged(outcome)]).toEqual([['visit.ended'], ['p1']]);
    expect(pipeline.presences().map(({ subject }) => subject.ref)).toEqual(['p2']);
  });

  it('leaves the key to whoever holds it then', () => {
    const { pipeline } = open();
    pipeline.accept(withdrawal(TEN));
    const given = pipeline.accept(list(TEN, 3, [consent(2, { keys: consent(1).keys })], 2));
    expect(names(given)).toEqual([]);
    expect(pipeline.accept(ranged(1, 'shoes', TEN)).events[0]?.subjectRef).toBe('p2');
  });

  it('of a person who is not there purges all the same', () => {
    const { pipeline } = open();
    const outcome = pipeline.accept(withdrawal(TEN));
    expect([outcome.events, purged(outcome)]).toEqual([[], ['p1']]);
  });
});

describe('a list', () => {
  it('that moves a record to another subject ends the first one’s visit and recognises the second', () => {
    const { pipeline, outcomes } = open();
    outcomes.push(...run(pipeline, [ranged(1, 'shoes', TEN)]));
    const moved = pipeline.accept(list(TEN + SECOND, 2, [consent(1, { version: 2, subjectRef: 'p9' })]));
    expect([names(moved), purged(moved)]).toEqual([['visit.ended'], ['p1']]);
    const [started] = pipeline.accept(ranged(1, 'shoes', TEN + 2 * SECOND)).events;
    expect(started?.subjectRef).toBe('p9');
    const restarted = shop({ stored: storedAfter([...outcomes, moved]) });
    expect(restarted.accept(ranged(1, 'shoes', TEN + 3 * SECOND)).events[0]?.subjectRef).toBe('p9');
  });

  it('that repeats what is in force changes nothing but its own age', () => {
    const { pipeline } = open();
    run(pipeline, [ranged(1, 'shoes', TEN)]);
    const again = pipeline.accept(list(TEN + HOUR, 2, [consent(1)]));
    expect([names(again), rows(again)]).toEqual([[], ['consent-list ']]);
  });

  it('with a key of two subjects recognises neither, and reports the records once, without the key', () => {
    const { pipeline, outcomes } = open([consent(1), consent(2, { keys: consent(1).keys })]);
    const alerts = outcomes.flatMap(({ events }) => events);
    expect(alerts).toEqual([
      {
        name: 'security.alert',
        class: 'A',
        time: TEN - SECOND,
        data: {
          storeId: 's1',
          kind: 'key of two subjects',
          origin: 'consents',
          count: 2,
          recordIds: ['c1', 'c2'],
        },
      },
    ]);
    expect(names(...run(pipeline, [ranged(1, 'shoes', TEN)]))).toEqual([]);
    const again = pipeline.accept(list(TEN, 2, [consent(1), consent(2, { keys: consent(1).keys })]));
    expect(names(again)).toEqual([]);
  });

  it('that is refused says why and leaves no trace', () => {
    const { pipeline } = open();
    const refused = pipeline.accept({ ...list(TEN, 2, []), storeId: 's2' });
    expect(refused.refused).toContain('store s2');
    expect([refused.events, refused.changes, refused.purge]).toEqual([[], [], []]);
  });

  it('keeps the place in the downlink in the same transaction, refused or not', () => {
    const { pipeline } = open();
    const taken = pipeline.accept({ ...list(TEN, 2, [consent(1)]), cursor: 41 });
    expect(taken.changes).toContainEqual({ kind: 'cursor', key: 'downlink', value: 41 });
    const refused = pipeline.accept({ ...list(TEN, 2, []), cursor: 42 });
    expect(refused.changes).toEqual([{ kind: 'cursor', key: 'downlink', value: 42 }]);
  });

  it('names the iBeacon ids that receivers are to let through, each once', () => {
    const keys = [1, 2].map((minor) => ({ kind: 'ibeacon', uuid: UUID, major: 1, minor }));
    expect(open([consent(1, { keys })]).pipeline.beaconUuids()).toEqual([UUID]);
  });
});

describe('recognition stops', () => {
  it('when the list grows too old, ends visits as mode, and goes on when a fresh one comes', () => {
    const { pipeline } = open();
    const stale = TEN - SECOND + 24 * HOUR;
    run(pipeline, [ranged(1, 'shoes', stale - 10 * SECOND)]);
    expect(names(...run(pipeline, [tick(stale - SECOND), tick(stale)]))).toEqual([]);
    const ended = pipeline.accept(tick(stale + 1));
    expect(ended.events).toMatchObject([{ name: 'visit.ended', data: { reason: 'mode' } }]);
    expect(JSON.stringify(ended)).not.toContain('p1');
    expect(pipeline.recognises(stale + 1)).toEqual({ ok: false, reason: 'the consent list is too old' });
    expect(names(pipeline.accept(ranged(1, 'shoes', stale + 2)))).toEqual([]);
    expect(names(pipeline.accept(list(stale + 3, 2, [consent(1)])))).toEqual([]);
    expect(names(pipeline.accept(ranged(1, 'shoes', stale + 4)))).toEqual(['visit.started', 'zone.entered']);
  });

  it('while the clock is not synchronised', () => {
    const config = shopConfig((shopAs) => ({ ...shopAs, clock: { source: 'systemd' } }));
    const { pipeline } = open([consent(1)], { config });
    expect(pipeline.recognises(TEN)).toEqual({ ok: false, reason: 'the clock is not synchronised' });
    expect(names(pipeline.accept(ranged(1, 'shoes', TEN)))).toEqual([]);
    pipeline.accept(tick(TEN, true));
    expect(names(pipeline.accept(ranged(1, 'shoes', TEN)))).toEqual(['visit.started', 'zone.entered']);
    expect(pipeline.accept(tick(TEN + SECOND, false)).events).toMatchObject([{ data: { reason: 'mode' } }]);
  });

  it.each(['off', 'anonymous'] as const)('in mode %s', (mode) => {
    const { pipeline } = open([consent(1)], { config: shopConfig((config) => ({ ...config, mode })) });
    expect(names(pipeline.accept(ranged(1, 'shoes', TEN)))).toEqual([]);
    expect(pipeline.recognises(TEN)).toEqual({ ok: false, reason: `mode is ${mode}` });
  });

  it('before any list came', () => {
    expect(shop().recognises(TEN)).toEqual({ ok: false, reason: 'no consent list yet' });
  });

  it('at the moment when consent expires', () => {
    const { pipeline } = open([consent(1, { validUntil: new Date(TEN + MINUTE).toISOString() })]);
    run(pipeline, [ranged(1, 'shoes', TEN)]);
    pipeline.accept(ranged(1, 'shoes', TEN + 59 * SECOND));
    expect(names(pipeline.accept(tick(TEN + MINUTE - 1)))).toEqual(['zone.dwelled']);
    expect(pipeline.accept(tick(TEN + MINUTE)).events).toMatchObject([{ data: { reason: 'expired' } }]);
    expect(pipeline.presences()).toEqual([]);
  });
});

describe('without the purpose location', () => {
  it('nobody is located, not even for the page', () => {
    const { pipeline } = open([consent(1, { purposes: ['recognition'] })]);
    run(pipeline, [ranged(1, 'shoes', TEN)]);
    expect(pipeline.presences()).toEqual([]);
    run(pipeline, [tick(TEN), tick(TEN + 6 * MINUTE)]);
    const outcomes = run(pipeline, [
      ranged(1, 'shoes', TEN + HOUR),
      ranged(1, 'bags', TEN + HOUR + MINUTE),
      tick(TEN + HOUR + 2 * MINUTE),
    ]);
    expect(names(...outcomes)).toEqual(['visit.started']);
    expect(pipeline.presences()).toEqual([]);
  });

  it('from mid-visit on, the visit goes on and its zones end untold', () => {
    const { pipeline, outcomes } = open();
    outcomes.push(...run(pipeline, [ranged(1, 'shoes', TEN)]));
    outcomes.push(
      pipeline.accept(list(TEN + SECOND, 2, [consent(1, { version: 2, purposes: ['recognition'] })])),
    );
    expect(pipeline.presences()).toEqual([]);
    outcomes.push(...run(pipeline, [ranged(1, 'bags', TEN + MINUTE), tick(TEN + 7 * MINUTE)]));
    const [ended, ...others] = outcomes.flatMap(({ events }) => events).reverse();
    expect(others.map(({ name }) => name).reverse()).toEqual(['visit.started', 'zone.entered']);
    expect(ended).toMatchObject({ name: 'visit.ended', data: { reason: 'absent', consent: { version: 2 } } });
    expect(ended?.data).not.toHaveProperty('zones');
  });

  it('and granted again, only what came after is told of the zones', () => {
    const { pipeline } = open();
    run(pipeline, [ranged(1, 'shoes', TEN)]);
    const without = list(TEN + 10 * SECOND, 2, [consent(1, { version: 2, purposes: ['recognition'] })]);
    const outcomes = run(pipeline, [
      without,
      list(TEN + 20 * SECOND, 3, [consent(1, { version: 3 })]),
      ranged(1, 'bags', TEN + 30 * SECOND),
      tick(TEN + 6 * MINUTE),
    ]);
    expect(outcomes[0]?.changes.find(({ kind }) => kind === 'visit')?.value).toMatchObject({ zones: [] });
    expect(JSON.stringify(outcomes)).not.toContain('shoes');
    expect(outcomes.flatMap(({ events }) => events).at(-1)?.data.zones).toEqual([
      { zoneId: 'bags', dwellS: 0 },
    ]);
  });

  it('after a restart, an open visit is not located', () => {
    const { pipeline, outcomes } = open([consent(1, { purposes: ['recognition'] })]);
    outcomes.push(...run(pipeline, [ranged(1, 'shoes', TEN)]));
    const restarted = shop({ stored: storedAfter(outcomes) });
    restarted.accept(message('button-1', 'pressed', { press: 'press' }, TEN + SECOND));
    expect(restarted.presences()).toEqual([]);
  });
});

describe('a sensitive zone', () => {
  it('yields no personal event and no dot on the page', () => {
    const { pipeline } = open();
    expect(names(...run(pipeline, [ranged(1, 'pharmacy', TEN)]))).toEqual([]);
    const outcomes = run(pipeline, [
      ranged(1, 'shoes', TEN + 10 * SECOND),
      ranged(1, 'pharmacy', TEN + 20 * SECOND),
    ]);
    expect(names(...outcomes)).toEqual(['visit.started', 'zone.entered', 'zone.exited']);
    expect(pipeline.presences()).toEqual([]);
    expect(JSON.stringify(outcomes)).not.toContain('pharmacy');
  });
});

describe('what comes late', () => {
  const tag = (at: number, ageMs: number) => {
    const data = `0201061aff4c000215${UUID}00010007c5`;
    const frame = { address: 'e7:8f:13:56:24:ce', addressType: 'random', rssi: -60, data, ageMs };
    return message('r-shoes', 'advertisements', { frames: [frame] }, at);
  };
  const tagged = (more = {}) =>
    consent(1, { keys: [{ kind: 'ibeacon', uuid: UUID, major: 1, minor: 7 }], ...more });

  it('began when it was heard', () => {
    const { pipeline } = open([tagged()]);
    const outcomes = run(pipeline, [
      tag(TEN + 10 * SECOND, 9_000),
      tag(TEN + 11 * SECOND, 0),
      tick(TEN + 7 * MINUTE),
    ]);
    expect(outcomes.flatMap(({ events }) => events).at(-1)?.data).toMatchObject({
      startedAt: '2026-03-02T10:00:01.000Z',
      endedAt: '2026-03-02T10:00:11.000Z',
    });
  });

  it('is nothing from before the consent, or from a visit that may be over', () => {
    const { pipeline } = open([tagged({ validFrom: new Date(TEN).toISOString() })]);
    expect(names(...run(pipeline, [tag(TEN + 10 * SECOND, 10_001)]))).toEqual([]);
    expect(names(...run(pipeline, [tag(TEN + 5 * MINUTE, 2 * MINUTE)]))).toEqual([]);
    expect(pipeline.presences()).toEqual([]);
    expect(names(...run(pipeline, [tag(TEN + 6 * MINUTE, 10_000)]))).toContain('visit.started');
  });

  it('of a button is pressed when it was pressed', () => {
    const frame = {
      address: OPEN_BUTTON,
      addressType: 'public',
      rssi: -60,
      data: bthomeFrame('40002a3a01'),
      ageMs: 1_500.4,
    };
    const { pipeline } = open();
    const { events } = pipeline.accept(message('r-shoes', 'advertisements', { frames: [frame] }, TEN));
    expect(events).toMatchObject([{ name: 'button.pressed', time: TEN - 1_500 }]);
  });
});

describe('a message that comes again', () => {
  const press = message('button-1', 'pressed', { boot: 'b1', seq: 1, press: 'press' }, TEN);

  it('has no second effect, and its number is on disk with the first', () => {
    const { pipeline } = open();
    const first = pipeline.accept(press);
    expect(first.events).toMatchObject([{ name: 'button.pressed', causationId: 'button-1/b1/1' }]);
    expect(first.changes).toEqual([{ kind: 'seen', key: 'button-1/b1', value: { seqs: [1], at: TEN } }]);
    expect(pipeline.accept(press)).toEqual({
      events: [],
      changes: [],
      purge: [],
      audit: [],
      commands: [],
      points: [],
      repeat: true,
    });
    const restarted = shop({ stored: storedAfter([first]) });
    expect(restarted.accept(press).repeat).toBe(true);
  });

  it('is known by its number even where its effect was a weight and no event', () => {
    const { pipeline } = open();
    const weight = message('shelf-1', 'weight', { boot: 'b1', seq: 1, slots: [{ slot: 0, g: 3_200 }] }, TEN);
    const creep = message(
      'shelf-1',
      'weight',
      { boot: 'b1', seq: 2, slots: [{ slot: 0, deltaG: 150 }] },
      TEN,
    );
    const outcomes = accept(pipeline, weight, creep);
    expect(outcomes.map(rows)).toEqual([
      ['slot shelf-1/0', 'seen shelf-1/b1'],
      ['slot shelf-1/0', 'seen shelf-1/b1'],
    ]);
    expect(shop({ stored: storedAfter(outcomes) }).accept(creep).repeat).toBe(true);
  });

  it('P2, F32: is known by its number too where its weight was settled by a tick', () => {
    const { pipeline } = open();
    const weight = (seq: number, g: number) =>
      message('shelf-1', 'weight', { boot: 'b1', seq, slots: [{ slot: 0, g }] }, TEN);
    const taken = [weight(1, 3_200), weight(2, 3_200), weight(3, 2_800)];
    const outcomes = [...accept(pipeline, ...taken), pipeline.accept({ kind: 'tick', at: TEN + SECOND })];
    expect(outcomes.at(-1)?.events.map(({ name }) => name)).toContain('shelf.item.picked');
    const restarted = shop({ stored: storedAfter(outcomes) });
    expect(accept(restarted, ...taken).map(({ repeat }) => repeat)).toEqual([true, true, true]);
  });

  it('without lasting effect needs no disk', () => {
    const { pipeline } = open();
    accept(pipeline, ranged(1, 'shoes', TEN));
    const again = message(
      'app',
      'ranged',
      { ...JSON.parse(String(ranged(1, 'shoes', TEN).payload)), boot: 'b', seq: 2 },
      TEN + SECOND,
    );
    const first = pipeline.accept(again);
    expect([first.events, first.changes, pipeline.accept(again).repeat]).toEqual([[], [], true]);
  });

  it('as an encrypted frame is refused after a restart, even where it caused no event', () => {
    const sealedFrame = (counter: number, objects: BthomeObject[]) => {
      const data = writeBthome({ objects, encryption: { address: LOCKED_BUTTON, key: BIND_KEY, counter } });
      return advertisement('r-shoes', LOCKED_BUTTON, bthomeFrame(Buffer.from(data).toString('hex')), TEN);
    };
    const battery = open().pipeline.accept(sealedFrame(9, [{ id: 0x01, value: 80 }]));
    expect([battery.events, rows(battery)]).toEqual([[], ['frame-numbers button-3']]);
    const restarted = shop({ stored: storedAfter([battery]) });
    expect(names(restarted.accept(sealedFrame(9, [{ id: 0x3a, value: 'press' }])))).toEqual([]);
    expect(names(restarted.accept(sealedFrame(10, [{ id: 0x3a, value: 'press' }])))).toEqual([
      'button.pressed',
    ]);
  });
});

describe('after a restart', () => {
  it('an open visit goes on without a second start, in the zone it was in', () => {
    const { pipeline, outcomes } = open();
    outcomes.push(...run(pipeline, [ranged(1, 'shoes', TEN), tick(TEN + 10 * SECOND)]));
    const restarted = shop({ stored: storedAfter(outcomes), seed: 2 });
    const after = run(restarted, [
      tick(TEN + 2 * MINUTE),
      ranged(1, 'shoes', TEN + 130 * SECOND),
      ranged(1, 'bags', TEN + 140 * SECOND),
    ]);
    const events = after.flatMap(({ events: told }) => told);
    expect(events.map(({ name, data }) => [name, data.zoneId])).toEqual([
      ['zone.dwelled', 'shoes'],
      ['zone.dwelled', 'shoes'],
      ['zone.exited', 'shoes'],
      ['zone.entered', 'bags'],
    ]);
    expect(
      new Set([...outcomes.flatMap(({ events: told }) => told), ...events].map(({ visitId }) => visitId))
        .size,
    ).toBe(1);
  });

  it('consents, keys and their withdrawal hold', () => {
    const { outcomes } = open([consent(1), consent(2)]);
    const restarted = shop({ stored: storedAfter(outcomes) });
    expect(names(restarted.accept(ranged(1, 'shoes', TEN)))).toEqual(['visit.started', 'zone.entered']);
    outcomes.push(restarted.accept(list(TEN, 2, [consent(2)])));
    const again = shop({ stored: storedAfter(outcomes) });
    expect(names(again.accept(ranged(1, 'shoes', TEN + SECOND)))).toEqual([]);
    expect(JSON.stringify([...storedAfter(outcomes).get('consent').values()])).not.toContain(tokenOf(1));
  });

  it('a visit whose consent ended meanwhile ends at the first tick', () => {
    const { pipeline, outcomes } = open([consent(1, { validUntil: new Date(TEN + MINUTE).toISOString() })]);
    outcomes.push(...run(pipeline, [ranged(1, 'shoes', TEN)]));
    const restarted = shop({ stored: storedAfter(outcomes) });
    expect(restarted.accept(tick(TEN + HOUR)).events).toMatchObject([{ data: { reason: 'expired' } }]);
  });
});

describe('commands of the centre', () => {
  const command = {
    id: 'x1',
    storeId: 's1',
    gateway: 'g1',
    action: 'setpoint',
    args: { device: 'radiator-1', setpointC: 18 },
    issuedAt: TEN,
    expiresAt: TEN + MINUTE,
  };

  it('go to the device, are completed by its reply, and wait for it meanwhile', () => {
    const { pipeline } = open();
    const ordered = pipeline.accept({ kind: 'command', at: TEN, command });
    expect(ordered.commands).toMatchObject([{ device: 'radiator-1', command: 'setpoint' }]);
    expect(pipeline.waitingFor('radiator-1', TEN)).toEqual(ordered.commands);
    const reply = pipeline.accept(
      message('radiator-1', 'replies/setpoint', { id: 'x1', ok: true }, TEN + SECOND),
    );
    expect(reply.events).toMatchObject([{ name: 'command.completed', data: { ok: true } }]);
    expect(pipeline.waitingFor('radiator-1', TEN + SECOND)).toEqual([]);
  });

  it('of another gateway are refused', () => {
    const { pipeline } = open();
    const refused = pipeline.accept({ kind: 'command', at: TEN, command: { ...command, gateway: 'g2' } });
    expect(refused).toMatchObject({ events: [], changes: [], refused: expect.stringContaining('g2') });
  });
});

describe('an outcome', () => {
  it('is what it was, whatever comes after it: it may wait for the disk', () => {
    const { pipeline } = open();
    const signals = [
      ranged(1, 'shoes', TEN),
      message('shelf-1', 'weight', { boot: 'b', seq: 1, slots: [{ slot: 0, g: 3_200 }] }, TEN),
      message('button-1', 'pressed', { boot: 'b', seq: 1, press: 'press' }, TEN),
    ];
    const outcomes = accept(pipeline, ...signals);
    const before = structuredClone(outcomes);
    accept(
      pipeline,
      ranged(1, 'bags', TEN + SECOND),
      message('shelf-1', 'weight', { boot: 'b', seq: 2, slots: [{ slot: 0, g: 3_210 }] }, TEN + SECOND),
      message('button-1', 'pressed', { boot: 'b', seq: 2, press: 'press' }, TEN + SECOND),
    );
    expect(outcomes).toEqual(before);
  });
});

function purged({ purge }: Outcome): string[] {
  return purge.map(({ subjectRef }) => subjectRef);
}
