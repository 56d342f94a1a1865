import { describe, expect, it } from 'vitest';
import type { ConsentRecord } from '../../../../gateway/consent-record.ts';
import { createConsents } from '../../../../gateway/consents.ts';
import { createVisits } from '../../../../gateway/pipeline/context/visits.ts';
import { createIdentify, type Recognised } from '../../../../gateway/pipeline/identify.ts';
import type { Presence } from '../../../../gateway/pipeline/locate.ts';
import { nothingStored, type Outcome, type StoredState } from '../../../../gateway/pipeline/outcome.ts';
import { recognisers } from '../../../../gateway/recognise/index.ts';
import {
  collector,
  consent,
  HOUR,
  list,
  MINUTE,
  names,
  SECOND,
  shopMap,
  storedAfter,
  TEN,
  tokenOf,
} from '../shop.ts';

const iso = (at: number) => new Date(at).toISOString();

/** Visits of a shop where p1 agreed to all and p2 not to be located; every call has an outcome of its own. */
function shop(
  records: ConsentRecord[] = [consent(1), consent(2, { purposes: ['recognition'] })],
  stored: StoredState = nothingStored,
) {
  const consents = createConsents({ storeId: 's1', maxAgeHours: 24 }, { records: [] });
  const identify = createIdentify(consents, recognisers, () => true);
  const apply = (version: number, all: ConsentRecord[]) => {
    for (const record of consents.apply(list(TEN, version, all), TEN).put) identify.put(record, TEN);
  };
  apply(1, records);
  let drawn = 0;
  const visits = createVisits(shopMap(), identify, () => `v${++drawn}`, stored);
  // As in the gateway, which ticks before it hears anything.
  if (stored === nothingStored) visits.tick(TEN, collector().emit);
  const outcomes: Outcome[] = [];
  function collect<T>(act: (emit: ReturnType<typeof collector>['emit']) => T): Outcome & { returned: T } {
    const { emit, outcome } = collector();
    const returned = act(emit);
    outcomes.push(outcome);
    return { ...outcome, returned };
  }
  const recognised = (n: number, at: number, anchor = 'b-shoes'): Recognised => {
    const seen = identify({ key: { kind: 'app', token: tokenOf(n) }, anchor, rssi: -60, at }, at);
    if (!seen) throw new Error(`nobody has token ${n}`);
    return seen;
  };
  return {
    outcomes,
    apply,
    visits,
    seen: (n: number, seenAt: number, at = seenAt, anchor?: string) =>
      collect((emit) => visits.seen(recognised(n, seenAt, anchor), at, emit)),
    placed: (n: number, zone: string, at: number, more: Partial<Presence> = {}) =>
      collect((emit) => {
        const { subject } = recognised(n, TEN);
        visits.placed(
          { subject, zone, since: at, lastSeen: at, confidence: 0.9, why: 'said so', ...more },
          at,
          emit,
        );
      }),
    tick: (at: number) => collect((emit) => visits.tick(at, emit)),
    withdraw: (ref: string, recordId: string, at: number) =>
      collect((emit) => visits.withdraw(new Map([[ref, recordId]]), at, emit)),
    endAll: (why: 'expired' | 'mode', at: number) =>
      collect((emit) => visits.endUnpermitted(() => why, at, emit)),
    forgetPlaces: (ref: string) => collect((emit) => visits.forgetPlaces(ref, emit)),
  };
}

const SUBJECT = { subject: { ref: 'p1' } };
const CONSENT = {
  consent: { recordId: 'c1', version: 1, noticeVersion: '3', purposes: ['recognition'] },
};
const LOCATED = {
  consent: { recordId: 'c1', version: 1, noticeVersion: '3', purposes: ['recognition', 'location'] },
};

describe('a visit begins', () => {
  it('at the first sighting, and only once', () => {
    const { seen } = shop();
    const first = seen(1, TEN - 2 * SECOND, TEN);
    expect(first.returned).toBe(true);
    expect(first.events).toEqual([
      {
        name: 'visit.started',
        class: 'B',
        time: TEN,
        visitId: 'v1',
        subjectRef: 'p1',
        purposes: ['recognition'],
        data: { storeId: 's1', visitId: 'v1', method: 'app', confidence: 1, ...SUBJECT, ...CONSENT },
      },
    ]);
    expect(first.changes.map(({ kind, key }) => [kind, key])).toEqual([['visit', 'v1']]);
    expect(names(seen(1, TEN + SECOND))).toEqual([]);
  });

  it('with no more than recognition granted, and then never has a zone', () => {
    const { seen, placed, tick } = shop();
    expect(names(seen(2, TEN))).toEqual(['visit.started']);
    expect(names(placed(2, 'shoes', TEN))).toEqual([]);
    expect(names(tick(TEN + 40 * SECOND))).toEqual([]);
    const [ended] = tick(TEN + 5 * MINUTE).events;
    expect(ended).toMatchObject({ name: 'visit.ended', data: { reason: 'absent', subject: { ref: 'p2' } } });
    expect(ended?.data).not.toHaveProperty('zones');
  });

  it('not at a receiver in a sensitive zone (R25)', () => {
    const { seen } = shop();
    const inside = seen(1, TEN, TEN, 'r-pharmacy');
    expect([inside.returned, inside.events, inside.changes]).toEqual([false, [], []]);
    expect(names(seen(1, TEN + SECOND))).toEqual(['visit.started']);
  });

  it('not by a sighting over a minute late: it may belong to a visit that has ended', () => {
    const { seen } = shop();
    expect(seen(1, TEN, TEN + MINUTE + 1).returned).toBe(false);
    expect(names(seen(1, TEN, TEN + MINUTE))).toEqual(['visit.started']);
  });
});

describe('zones', () => {
  it('are entered and left as presences say, with the time that they began', () => {
    const { seen, placed } = shop();
    seen(1, TEN);
    const entered = placed(1, 'shoes', TEN + SECOND, { since: TEN, x: 5.0049, y: 12.345 });
    expect(entered.events).toMatchObject([
      {
        name: 'zone.entered',
        time: TEN + SECOND,
        visitId: 'v1',
        subjectRef: 'p1',
        data: {
          visitId: 'v1',
          zoneId: 'shoes',
          enteredAt: iso(TEN),
          confidence: 0.9,
          position: { x: 5, y: 12.35 },
          ...SUBJECT,
          ...LOCATED,
        },
      },
    ]);
    expect(names(placed(1, 'shoes', TEN + 20 * SECOND))).toEqual([]);
    const moved = placed(1, 'bags', TEN + 45 * SECOND, { since: TEN + 42 * SECOND });
    expect(moved.events.map(({ name, data }) => [name, data.zoneId, data.enteredAt, data.dwellS])).toEqual([
      ['zone.exited', 'shoes', iso(TEN), 42],
      ['zone.entered', 'bags', iso(TEN + 42 * SECOND), undefined],
    ]);
    expect(moved.events[1]?.data).not.toHaveProperty('position');
  });

  it('are not entered before the visit began', () => {
    const { seen, placed } = shop();
    seen(1, TEN);
    const [entered] = placed(1, 'shoes', TEN, { since: TEN - MINUTE }).events;
    expect(entered?.data.enteredAt).toBe(iso(TEN));
  });

  it('into the unknown are only left, at the last sighting', () => {
    const { seen, placed } = shop();
    seen(1, TEN);
    placed(1, 'shoes', TEN);
    seen(1, TEN + 10 * SECOND);
    const lost = placed(1, 'unknown', TEN + 70 * SECOND, { since: TEN + 70 * SECOND });
    expect(lost.events).toMatchObject([{ name: 'zone.exited', data: { zoneId: 'shoes', dwellS: 10 } }]);
    expect(names(placed(1, 'unknown', TEN + 71 * SECOND))).toEqual([]);
    expect(names(placed(1, 'shoes', TEN + 80 * SECOND))).toEqual(['zone.entered']);
  });

  it('that are sensitive are never told: what was left is left, and nothing is entered', () => {
    const { seen, placed } = shop();
    seen(1, TEN);
    placed(1, 'shoes', TEN);
    const moved = placed(1, 'pharmacy', TEN + 20 * SECOND);
    expect(moved.events.map(({ name, data }) => [name, data.zoneId])).toEqual([['zone.exited', 'shoes']]);
    expect(names(placed(1, 'pharmacy', TEN + MINUTE))).toEqual([]);
    expect(JSON.stringify(moved)).not.toContain('pharmacy');
  });

  it('with an estimate that lies in a sensitive zone are told without it', () => {
    const { seen, placed } = shop();
    seen(1, TEN);
    const [entered] = placed(1, 'bags', TEN, { x: 21, y: 10 }).events;
    expect(entered?.data).not.toHaveProperty('position');
  });

  it('of somebody without a visit are nobody’s', () => {
    expect(shop().placed(1, 'shoes', TEN).events).toEqual([]);
  });
});

describe('dwell', () => {
  it('is told once at 30, 120 and 300 seconds, as far as the last sighting reaches', () => {
    const { seen, placed, tick } = shop();
    seen(1, TEN);
    placed(1, 'shoes', TEN);
    const told: unknown[] = [];
    for (let s = 1; s <= 400; s++) {
      seen(1, TEN + s * SECOND);
      for (const { name, data } of tick(TEN + s * SECOND).events)
        told.push([name, data.dwellS, data.thresholdS]);
    }
    expect(told).toEqual([
      ['zone.dwelled', 30, 30],
      ['zone.dwelled', 120, 120],
      ['zone.dwelled', 300, 300],
    ]);
  });

  it('does not grow while nobody is seen', () => {
    const { seen, placed, tick } = shop();
    seen(1, TEN);
    placed(1, 'shoes', TEN);
    seen(1, TEN + 29 * SECOND);
    expect(names(tick(TEN + 50 * SECOND))).toEqual([]);
    seen(1, TEN + 125 * SECOND);
    const both = tick(TEN + 126 * SECOND).events.map(({ data }) => [data.thresholdS, data.dwellS]);
    expect(both).toEqual([
      [30, 125],
      [120, 125],
    ]);
  });

  it('begins again in the next zone, and is not told twice over a restart', () => {
    const before = shop();
    before.seen(1, TEN);
    before.placed(1, 'shoes', TEN);
    before.seen(1, TEN + 30 * SECOND);
    expect(names(before.tick(TEN + 30 * SECOND))).toEqual(['zone.dwelled']);
    const after = shop(undefined, storedAfter(before.outcomes));
    after.seen(1, TEN + 40 * SECOND);
    expect(names(after.tick(TEN + 40 * SECOND))).toEqual([]);
    after.placed(1, 'bags', TEN + 41 * SECOND);
    after.seen(1, TEN + 71 * SECOND);
    expect(after.tick(TEN + 71 * SECOND).events).toMatchObject([
      { data: { zoneId: 'bags', thresholdS: 30 } },
    ]);
  });
});

describe('a visit ends', () => {
  it('five minutes after the last sighting, at that sighting, with the dwell of each zone in all', () => {
    const { seen, placed, tick } = shop();
    seen(1, TEN);
    placed(1, 'shoes', TEN);
    placed(1, 'bags', TEN + 20 * SECOND);
    placed(1, 'shoes', TEN + 50 * SECOND);
    seen(1, TEN + 70 * SECOND);
    expect(names(tick(TEN + 70 * SECOND + 5 * MINUTE - 1))).toEqual([]);
    const end = tick(TEN + 70 * SECOND + 5 * MINUTE);
    expect(end.returned).toEqual(['p1']);
    expect(names(end)).toEqual(['zone.exited', 'visit.ended']);
    expect(end.events[1]?.data).toEqual({
      storeId: 's1',
      visitId: 'v1',
      startedAt: iso(TEN),
      endedAt: iso(TEN + 70 * SECOND),
      durationS: 70,
      zones: [
        { zoneId: 'shoes', dwellS: 40 },
        { zoneId: 'bags', dwellS: 30 },
      ],
      reason: 'absent',
      ...SUBJECT,
      ...LOCATED,
    });
    expect(end.changes).toEqual([{ kind: 'visit', key: 'v1', value: null }]);
    expect(names(seen(1, TEN + HOUR))).toEqual(['visit.started']);
  });

  it('as an exit a minute after going back to the entrance', () => {
    const { seen, placed, tick } = shop();
    seen(1, TEN);
    placed(1, 'shoes', TEN);
    placed(1, 'entrance', TEN + 20 * SECOND);
    seen(1, TEN + 30 * SECOND);
    expect(names(tick(TEN + 89 * SECOND))).toEqual([]);
    const end = tick(TEN + 90 * SECOND);
    expect(end.events.at(-1)).toMatchObject({ data: { reason: 'exit', endedAt: iso(TEN + 30 * SECOND) } });
  });

  it('not after a minute for who was at the entrance only: a phone at rest may be silent on the way in', () => {
    const { seen, placed, tick } = shop();
    seen(1, TEN);
    placed(1, 'entrance', TEN);
    placed(1, 'unknown', TEN + 61 * SECOND);
    expect(names(tick(TEN + 4 * MINUTE))).toEqual([]);
    expect(tick(TEN + 5 * MINUTE).events).toMatchObject([{ data: { reason: 'absent' } }]);
  });

  it('at once when consent is withdrawn, without subject and zones, naming record and visit', () => {
    const { seen, placed, withdraw, tick } = shop();
    seen(1, TEN);
    placed(1, 'shoes', TEN);
    const end = withdraw('p1', 'c1', TEN + 25 * SECOND);
    expect(end.events).toEqual([
      {
        name: 'visit.ended',
        class: 'B',
        time: TEN + 25 * SECOND,
        visitId: 'v1',
        unlessStartPurged: true,
        data: {
          storeId: 's1',
          visitId: 'v1',
          startedAt: iso(TEN),
          endedAt: iso(TEN + 25 * SECOND),
          durationS: 25,
          recordId: 'c1',
          reason: 'withdrawn',
        },
      },
    ]);
    expect(end.changes).toEqual([{ kind: 'visit', key: 'v1', value: null }]);
    expect(names(tick(TEN + HOUR))).toEqual([]);
    expect(names(withdraw('p1', 'c1', TEN + HOUR))).toEqual([]);
  });

  it.each(['expired', 'mode'] as const)(
    'as %s without a subject, since nothing permits to name it',
    (why) => {
      const { seen, placed, endAll } = shop();
      seen(1, TEN);
      placed(1, 'shoes', TEN);
      const end = endAll(why, TEN + SECOND);
      expect(end.returned).toEqual(['p1']);
      expect(end.events).toMatchObject([{ name: 'visit.ended', data: { reason: why, recordId: 'c1' } }]);
      expect(JSON.stringify(end.events)).not.toMatch(/p1|shoes|subject|zones/);
    },
  );

  it('as expired where validity ended while it was silent', () => {
    const { seen, placed, tick } = shop([consent(1, { validUntil: iso(TEN + MINUTE) })]);
    seen(1, TEN);
    placed(1, 'shoes', TEN);
    const end = tick(TEN + 5 * MINUTE);
    expect(end.events).toMatchObject([{ name: 'visit.ended', data: { reason: 'expired' } }]);
    expect(JSON.stringify(end.events)).not.toContain('p1');
  });
});

describe('after a restart', () => {
  it('an open visit goes on: no second start, the same id, the zone it was in', () => {
    const before = shop();
    before.seen(1, TEN);
    before.placed(1, 'shoes', TEN);
    const after = shop(undefined, storedAfter(before.outcomes));
    expect(names(after.seen(1, TEN + 10 * SECOND), after.placed(1, 'shoes', TEN + 10 * SECOND))).toEqual([]);
    expect(after.placed(1, 'bags', TEN + 20 * SECOND).events).toMatchObject([
      { name: 'zone.exited', visitId: 'v1', data: { zoneId: 'shoes', dwellS: 20 } },
      { name: 'zone.entered', visitId: 'v1', data: { zoneId: 'bags' } },
    ]);
  });

  it('who is not seen again is absent five minutes after the gateway woke, since it was last seen', () => {
    const before = shop();
    before.seen(1, TEN);
    const after = shop(undefined, storedAfter(before.outcomes));
    expect(names(after.tick(TEN + HOUR))).toEqual([]);
    expect(names(after.tick(TEN + HOUR + 5 * MINUTE - 1))).toEqual([]);
    expect(after.tick(TEN + HOUR + 5 * MINUTE).events).toMatchObject([
      { data: { endedAt: iso(TEN), durationS: 0, reason: 'absent' } },
    ]);
  });

  it('costs an open visit at most half a minute of its duration', () => {
    const before = shop();
    before.seen(1, TEN);
    for (let s = 1; s < 60; s++) {
      before.seen(1, TEN + s * SECOND);
      before.tick(TEN + s * SECOND);
    }
    const after = shop(undefined, storedAfter(before.outcomes));
    const [visit] = [...after.visits.open()];
    expect(TEN + 59 * SECOND - (visit?.lastSeen ?? 0)).toBeLessThanOrEqual(30 * SECOND);
  });
});

describe('when consent changes in mid-visit', () => {
  it('events rest on the new version', () => {
    const { apply, seen, placed } = shop();
    seen(1, TEN);
    apply(2, [consent(1, { version: 2, noticeVersion: '4' })]);
    expect(placed(1, 'shoes', TEN).events).toMatchObject([
      { data: { consent: { recordId: 'c1', version: 2, noticeVersion: '4' } } },
    ]);
  });

  it('without location any more, zones are forgotten and nothing of them is told, even when it is granted anew', () => {
    const { apply, seen, placed, forgetPlaces, tick } = shop();
    seen(1, TEN);
    placed(1, 'shoes', TEN);
    placed(1, 'bags', TEN + 10 * SECOND);
    apply(2, [consent(1, { version: 2, purposes: ['recognition'] })]);
    const forgotten = forgetPlaces('p1');
    expect(forgotten.events).toEqual([]);
    expect(forgotten.changes[0]?.value).toMatchObject({ zones: [] });
    expect(JSON.stringify(forgotten.changes)).not.toMatch(/shoes|bags/);
    expect(names(placed(1, 'shoes', TEN + 20 * SECOND))).toEqual([]);
    apply(3, [consent(1, { version: 3 })]);
    expect(names(placed(1, 'shoes', TEN + 30 * SECOND))).toEqual(['zone.entered']);
    seen(1, TEN + 30 * SECOND);
    expect(tick(TEN + HOUR).events.at(-1)?.data.zones).toEqual([{ zoneId: 'shoes', dwellS: 0 }]);
  });

  it('a visit rests on another record of the person where its own permits no more, or less', () => {
    const bare = consent(1, { purposes: ['recognition'] });
    const located = consent(3, { subjectRef: 'p1' });
    const { seen, placed, visits } = shop([bare, located]);
    seen(1, TEN);
    expect([...visits.open()][0]?.recordId).toBe('c1');
    const adopted = seen(3, TEN + SECOND);
    expect([names(adopted), adopted.changes.length]).toEqual([[], 1]);
    expect(seen(1, TEN + 2 * SECOND).changes).toEqual([]);
    expect(placed(3, 'shoes', TEN + 3 * SECOND).events).toMatchObject([
      { data: { consent: { recordId: 'c3' } } },
    ]);
  });
});
