import { describe, expect, it } from 'vitest';
import { owedByUplink } from '../../../gateway/outbox/counts.ts';
import { declareWiped, type WaitingEvent } from '../../../gateway/outbox/outbox.ts';
import { ALL, EPOCH, personal, press, said, TEN, type TestStore, testStore } from './event-store.ts';

const HOUR = 3_600_000;

describe('an event', () => {
  it('gets its sequence and id in the transaction that stores it, without a hole after a rollback', () => {
    const { db, outbox, store } = testStore();
    store([press(1), press(2)]);
    expect(() =>
      db.transaction(() => {
        outbox.store([{ events: [press(3), press(4)], purge: [] }], TEN);
        throw new Error('the disk refused');
      })(),
    ).toThrow('refused');
    expect(outbox.next()).toBe(3);
    store([press(5)]);
    const events = outbox.take('up', ALL, 100);
    expect(events.map(({ position }) => position)).toEqual([1, 2, 3]);
    expect(events.map(({ id }) => id)).toEqual(
      [1, 2, 3].map((n) => `${EPOCH}-${String(n).padStart(20, '0')}`),
    );
    expect(events.map(({ body }) => JSON.parse(body)).at(-1)).toMatchObject({
      id: `${EPOCH}-00000000000000000003`,
      sequence: '00000000000000000003',
      causationid: 'b1/boot/5',
    });
  });

  it('goes on from where the last run stood', () => {
    const first = testStore();
    first.store([press(1), press(2)]);
    const again = testStore(['up'], first.folder);
    again.store([press(3)]);
    expect(again.outbox.take('up', ALL, 9).map(({ position }) => position)).toEqual([1, 2, 3]);
  });

  it('P2: is on its way once, until it is settled', () => {
    const { outbox, store, waiting } = testStore();
    store([press(1), press(2), press(3)]);
    const first = outbox.take('up', ALL, 2);
    const second = outbox.take('up', ALL, 2);
    expect([first, second].map((events) => events.map(({ position }) => position))).toEqual([[1, 2], [3]]);
    outbox.settle('up', first, said(first.slice(0, 1)), TEN);
    expect(outbox.take('up', ALL, 9).map(({ position }) => position)).toEqual([2]);
    expect(waiting()).toEqual([2, 3]);
  });

  it('is found behind many that are on their way', () => {
    const { outbox, store } = testStore();
    store(Array.from({ length: 150 }, (_, i) => press(i)));
    expect(outbox.take('up', ALL, 100)).toHaveLength(100);
    expect(outbox.take('up', ALL, 100)).toHaveLength(50);
  });

  it('R17: leaves the outbox when every uplink has settled it, each for itself and by id', () => {
    const { outbox, store, waiting } = testStore(['a', 'b']);
    store([press(1), press(2), press(3)]);
    const ofA = outbox.take('a', ALL, 9);
    store([press(4)]);
    outbox.settle('a', ofA, said(ofA.slice(1)), TEN);
    expect([waiting('a'), waiting('b')]).toEqual([
      [1, 4],
      [1, 2, 3, 4],
    ]);
    const ofB = outbox.take('b', ALL, 9);
    outbox.settle('b', ofB, said(ofB), TEN);
    expect(outbox.counts()).toMatchObject({
      stored: 4,
      waiting: 2,
      declared: 0,
      taken: { a: 2, b: 4 },
    });
  });

  it('stored while there was no uplink is owed to the one that comes', () => {
    const none = testStore([]);
    none.store([press(1)]);
    const { outbox } = testStore(['up'], none.folder);
    expect(outbox.take('up', ALL, 9)).toHaveLength(1);
  });

  it('owed to an uplink that is configured no more stays, and is told of', () => {
    const before = testStore(['old']);
    before.store([press(1), press(2)]);
    const { db, outbox } = testStore(['new'], before.folder);
    expect(outbox.take('new', ALL, 9)).toEqual([]);
    expect(owedByUplink(db)).toEqual(new Map([['old', 2]]));
  });
});

describe('a settlement', () => {
  /** How SQLite waits for the disk when a row of `pending` goes: 1 is NORMAL, 2 is FULL. */
  function watchSync({ db }: TestStore): () => unknown[] {
    db.exec(`CREATE TEMP TABLE waits (level INTEGER);
      CREATE TEMP TRIGGER settled AFTER DELETE ON pending
        BEGIN INSERT INTO waits SELECT synchronous FROM pragma_synchronous; END`);
    return () => db.prepare('SELECT DISTINCT level FROM waits').pluck().all();
  }

  it('P1: waits for the disk: what lies unsynced in the journal could take acknowledged events after it along', () => {
    const test = testStore();
    test.store([press(1), press(2), press(3)]);
    const waits = watchSync(test);
    const [first, second, third] = test.outbox.take('up', ALL, 9) as [
      WaitingEvent,
      WaitingEvent,
      WaitingEvent,
    ];
    test.outbox.settle('up', [first], said([first]), TEN);
    test.outbox.settle('up', [second, third], said([second], [third]), TEN);
    expect(waits()).toEqual([2]);
  });

  it('declares what one uplink took and the other will never have', () => {
    const purged = testStore(['a', 'b']);
    purged.store([personal('visit.started', 'p_1', 'v1')]);
    const taken = purged.outbox.take('a', ALL, 9);
    purged.store([], ['p_1']);
    purged.outbox.settle('a', taken, said(taken), TEN);
    expect(purged.gaps()).toHaveLength(1);
  });
});

describe('a rejected event', () => {
  it('P9: is set aside with its reason, and declared; the others go on', () => {
    const { db, outbox, store, gaps } = testStore();
    store([press(1), press(2), press(3)]);
    const events = outbox.take('up', ALL, 9);
    outbox.settle(
      'up',
      events,
      said(
        [events[0], events[2]].flatMap((e) => e ?? []),
        events.slice(1, 2),
      ),
      TEN,
    );
    expect(db.prepare('SELECT uplink, position, reason FROM dead').all()).toEqual([
      { uplink: 'up', position: 2, reason: 'no' },
    ]);
    expect(gaps()).toEqual([{ storeId: 's1', epoch: EPOCH, from: 2, to: 2, count: 1, reason: 'dead' }]);
    expect(outbox.counts()).toMatchObject({ dead: 1, declared: 1, waiting: 1 });
  });

  it('that is a gap itself is not declared again, for ever', () => {
    const { outbox, store, gaps } = testStore();
    store([press(1)]);
    const [event] = outbox.take('up', ALL, 9);
    outbox.settle('up', event ? [event] : [], said([], event ? [event] : []), TEN);
    const gap = outbox.take('up', ALL, 9);
    expect(gap.map(({ name }) => name)).toEqual(['gateway.gap']);
    outbox.settle('up', gap, said([], gap), TEN);
    expect(gaps()).toEqual([]);
    expect(outbox.counts()).toMatchObject({ waiting: 0, dead: 2 });
  });

  it('R15: keeps a reason that names its person unreadable, and not at all once that person is erased', () => {
    const { db, outbox, store } = testStore();
    store([personal('visit.started', 'p_1', 'v1'), press(1)]);
    const events = outbox.take('up', ALL, 9);
    const reasons = new Map(events.map(({ id, position }) => [id, `profile p_1 is not known (${position})`]));
    outbox.settle('up', events, { accepted: new Set(), rejected: reasons }, TEN);
    const reason = () => db.prepare('SELECT reason FROM dead ORDER BY position').pluck().all();
    expect(reason()).toEqual([expect.stringMatching(/^sealed:/), 'profile p_1 is not known (2)']);
    store([], ['p_1']);
    expect(reason()).toEqual(['erased', 'profile p_1 is not known (2)']);
  });

  it('P14: loses its body when its subject withdraws, and when its time is up', () => {
    const { db, outbox, store } = testStore();
    store([personal('visit.started', 'p_1', 'v1'), personal('visit.started', 'p_2', 'v2', TEN - HOUR)]);
    const events = outbox.take('up', ALL, 9);
    outbox.settle('up', events, said([], events), TEN);
    const kept = () => db.prepare("SELECT body != '', sealed FROM dead ORDER BY position").raw().all();
    const held = [1, expect.any(Buffer)];
    expect(kept()).toEqual([held, held]);
    store([], ['p_1']);
    expect(kept()).toEqual([[0, null], held]);
    outbox.expire(TEN + 71.5 * HOUR);
    expect(kept()).toEqual([
      [0, null],
      [0, null],
    ]);
  });
});

describe('a purge', () => {
  it('R6: removes what waits of one subject and declares it by ranges', () => {
    const { outbox, store, waiting, gaps } = testStore();
    store([
      personal('visit.started', 'p_1', 'v1'),
      personal('zone.entered', 'p_1', 'v1'),
      press(1),
      personal('visit.started', 'p_2', 'v2'),
      personal('zone.exited', 'p_1', 'v1'),
    ]);
    expect(outbox.waitingOf('p_1')).toBe(3);
    store([], ['p_1']);
    expect(outbox.waitingOf('p_1')).toBe(0);
    // The gap, and the certificate.
    expect(waiting()).toEqual([3, 4, 6, 7]);
    expect(gaps()).toEqual([
      {
        storeId: 's1',
        epoch: EPOCH,
        from: 1,
        to: 5,
        count: 3,
        reason: 'erased',
        ranges: [
          [1, 2],
          [5, 5],
        ],
      },
    ]);
    expect(JSON.stringify(gaps())).not.toContain('p_1');
    expect(outbox.counts()).toMatchObject({ stored: 7, declared: 3, waiting: 4 });
  });

  it('leaves out the end of a visit of which nobody heard the start', () => {
    const { outbox, store } = testStore(['a', 'b']);
    const ended = { ...personal('visit.ended', 'x', 'v1'), unlessStartPurged: true };
    delete ended.subjectRef;
    store([personal('visit.started', 'p_1', 'v1')]);
    store([ended], ['p_1']);
    expect(outbox.take('a', ALL, 9).map(({ name }) => name)).toEqual(['gateway.gap', 'subject.erased']);
  });

  it('tells the end of a visit whose start one of two uplinks has', () => {
    const { outbox, store } = testStore(['a', 'b']);
    const ended = { ...personal('visit.ended', 'x', 'v1'), unlessStartPurged: true };
    delete ended.subjectRef;
    store([personal('visit.started', 'p_1', 'v1')]);
    const started = outbox.take('a', ALL, 9);
    outbox.settle('a', started, said(started), TEN);
    store([ended], ['p_1']);
    expect(outbox.take('a', ALL, 9).map(({ name }) => name)).toEqual([
      'gateway.gap',
      'subject.erased',
      'visit.ended',
    ]);
  });

  describe('of what is on its way', () => {
    const walk = [personal('visit.started', 'p_1', 'v1'), press(1), personal('zone.entered', 'p_1', 'v1')];

    it('R6: takes the body from the disk at once', () => {
      const { db, outbox, store } = testStore();
      store(walk);
      outbox.take('up', ALL, 9);
      store([], ['p_1']);
      const left = db.prepare('SELECT position FROM events WHERE sealed IS NOT NULL OR subject IS NOT NULL');
      expect(left.all()).toEqual([]);
    });

    it('declares nothing where the uplink took it', () => {
      const { outbox, store, gaps } = testStore();
      store(walk);
      const events = outbox.take('up', ALL, 9);
      store([], ['p_1']);
      outbox.settle('up', events, said(events), TEN);
      expect(gaps()).toEqual([]);
      expect(outbox.counts()).toMatchObject({ declared: 0, waiting: 1, taken: { up: 3 } });
    });

    it('declares what the uplink did not take, and never sends it again', () => {
      const { outbox, store, waiting, gaps } = testStore();
      store(walk);
      const events = outbox.take('up', ALL, 9);
      store([], ['p_1']);
      outbox.settle('up', events, said([]), TEN);
      expect(gaps()).toMatchObject([
        {
          from: 1,
          to: 3,
          count: 2,
          ranges: [
            [1, 1],
            [3, 3],
          ],
          reason: 'erased',
        },
      ]);
      expect(waiting()).toEqual([2, 4, 5]);
    });

    it('declares it where one of two uplinks took it and the other never will', () => {
      const { outbox, store, gaps } = testStore(['a', 'b']);
      store(walk);
      const events = outbox.take('a', ALL, 9);
      store([], ['p_1']);
      outbox.settle('a', events, said(events), TEN);
      expect(gaps()).toMatchObject([{ count: 2, reason: 'erased' }]);
      expect(outbox.take('b', ALL, 9).map(({ name }) => name)).toEqual([
        'button.pressed',
        'subject.erased',
        'gateway.gap',
      ]);
    });

    it('waits for both where it is on its way to both', () => {
      const { outbox, store, gaps } = testStore(['a', 'b']);
      store(walk);
      const ofA = outbox.take('a', ALL, 9);
      const ofB = outbox.take('b', ALL, 9);
      store([], ['p_1']);
      outbox.settle('a', ofA, said(ofA), TEN);
      expect(gaps()).toEqual([]);
      outbox.settle('b', ofB, said([]), TEN);
      expect(gaps()).toMatchObject([{ count: 2, reason: 'erased' }]);
      expect(outbox.counts().waiting).toBe(3);
    });

    it('leaves no copy among the dead letters', () => {
      const { db, outbox, store } = testStore();
      store(walk);
      const events = outbox.take('up', ALL, 9);
      store([], ['p_1']);
      outbox.settle('up', events, said([], events), TEN);
      expect(db.prepare('SELECT position FROM dead WHERE sealed IS NOT NULL').all()).toEqual([]);
    });

    it('P7: is declared at the next start where a crash came in between', () => {
      const before = testStore();
      before.store(walk);
      before.outbox.take('up', ALL, 9);
      before.store([], ['p_1']);
      const { db, outbox, gaps, waiting } = testStore(['up'], before.folder);
      declareWiped(db, outbox, TEN);
      expect(gaps()).toMatchObject([{ count: 2, reason: 'erased' }]);
      expect(waiting()).toEqual([2, 4, 5]);
    });
  });
});

describe('expiry', () => {
  it('R17: takes personal events out after their hours, declared, and leaves the others', () => {
    const { outbox, store, waiting, gaps } = testStore();
    store([
      personal('visit.started', 'p_1', 'v1'),
      press(1),
      personal('zone.entered', 'p_1', 'v1', TEN + HOUR),
    ]);
    outbox.expire(TEN + 72 * HOUR);
    expect(waiting()).toEqual([2, 3, 4]);
    expect(gaps()).toMatchObject([{ from: 1, to: 1, count: 1, reason: 'expired' }]);
  });

  it('writes the hour on personal events of class B only', () => {
    const { outbox, store } = testStore();
    const granted = { ...personal('consent.granted', 'p_1', 'v1'), class: 'A' as const };
    store([personal('visit.started', 'p_1', 'v1'), press(1), granted]);
    expect(outbox.take('up', ALL, 9).map(({ body }) => JSON.parse(body).expirytime)).toEqual([
      '2026-03-04T10:00:00.000Z',
      undefined,
      undefined,
    ]);
  });

  it('lets what is on its way arrive', () => {
    const { outbox, store, gaps } = testStore();
    store([personal('visit.started', 'p_1', 'v1')]);
    const events = outbox.take('up', ALL, 9);
    outbox.expire(TEN + 100 * HOUR);
    expect(gaps()).toEqual([]);
    outbox.settle('up', events, said([]), TEN);
    outbox.expire(TEN + 100 * HOUR);
    expect(gaps()).toHaveLength(1);
  });
});
