import { describe, expect, it } from 'vitest';
import { type ConsentRecord, consentRecord, PURPOSES } from '../../gateway/consent-record.ts';
import { createConsents } from '../../gateway/consents.ts';
import { consent, HOUR, list, MINUTE, TEN } from './pipeline/shop.ts';

function consents(maxAgeHours = 24) {
  return createConsents({ storeId: 's1', maxAgeHours }, { records: [] });
}

const refs = (records: Iterable<ConsentRecord>) => [...records].map(({ subjectRef }) => subjectRef);

/** ISO/IEC TS 27560 (R4). */
const STATES = [
  ['given', true],
  ['renewed', true],
  ['unknown', false],
  ['requested', false],
  ['deferred', false],
  ['refused', false],
  ['withdrawn', false],
  ['expired', false],
  ['terminated', false],
  ['invalidated', false],
] as const;

describe('a record', () => {
  it.each(STATES)('R4: in state %s permits recognition: %s', (state, permits) => {
    const held = consents();
    held.apply(list(TEN, 1, [consent(1, { state })]), TEN);
    expect(held.permits('c1', 'recognition', TEN) !== undefined).toBe(permits);
    expect(refs(held.records())).toEqual(permits ? ['p1'] : []);
  });

  it.each(STATES.filter(([, permits]) => !permits))(
    'in state %s is taken by its name alone, and its keys are not read',
    (state) => {
      const said = {
        recordId: 'c1',
        version: 2,
        subjectRef: 'p1',
        state,
        keys: 'what is this',
        validUntil: 7,
      };
      expect(consentRecord.parse(said)).toMatchObject({ recordId: 'c1', version: 2, state, keys: [] });
    },
  );

  it('in a state that nobody knows is refused', () => {
    expect(consentRecord.safeParse({ ...consent(1), state: 'granted' }).success).toBe(false);
  });

  it.each(PURPOSES)('R5: permits %s only where it is granted, and nothing without recognition', (purpose) => {
    const held = consents();
    const others = PURPOSES.filter((other) => other !== purpose);
    held.apply(
      list(TEN, 1, [
        consent(1, { purposes: ['recognition', purpose] }),
        consent(2, { purposes: others }),
        consent(3, { purposes: [purpose].filter((one) => one !== 'recognition') }),
      ]),
      TEN,
    );
    const permitted = ['c1', 'c2', 'c3'].map((id) => held.permits(id, purpose, TEN) !== undefined);
    expect(permitted).toEqual([true, false, false]);
  });

  it('R14: for other stores is not even kept', () => {
    const held = consents();
    held.apply(list(TEN, 1, [consent(1, { stores: ['s2'] })]), TEN);
    expect([...held.records()]).toEqual([]);
  });

  it('R8, R9: permits from validFrom on and until validUntil, to the millisecond', () => {
    const held = consents();
    const from = TEN + MINUTE;
    const until = TEN + HOUR;
    const times = { validFrom: new Date(from).toISOString(), validUntil: new Date(until).toISOString() };
    held.apply(list(TEN, 1, [consent(1, times)]), TEN);
    const permits = (at: number) => held.permits('c1', 'recognition', at) !== undefined;
    expect([from - 1, from, until - 1, until].map(permits)).toEqual([false, true, true, false]);
  });

  it('without an end permits as long as the list is fresh', () => {
    const held = consents(1_000_000);
    held.apply(list(TEN, 1, [consent(1, { validUntil: null })]), TEN);
    expect(held.permits('c1', 'recognition', TEN + 900_000 * HOUR)).toBeDefined();
  });

  it('with a time that is none permits nothing', () => {
    expect(consentRecord.safeParse({ ...consent(1), validFrom: 'yesterday' }).success).toBe(false);
  });

  it('of staff recognises nobody as a shopper', () => {
    const held = consents();
    held.apply(list(TEN, 1, [consent(1, { staff: true })]), TEN);
    expect(held.permits('c1', 'recognition', TEN)).toBeUndefined();
  });
});

describe('a list', () => {
  it('that is older than its age limit permits nobody, and permits again when a new one comes (R9)', () => {
    const held = consents(24);
    held.apply(list(TEN, 1, [consent(1)]), TEN);
    const permits = (at: number) => held.permits('c1', 'recognition', at) !== undefined;
    expect([held.fresh(TEN + 24 * HOUR), permits(TEN + 24 * HOUR)]).toEqual([true, true]);
    expect([held.fresh(TEN + 24 * HOUR + 1), permits(TEN + 24 * HOUR + 1)]).toEqual([false, false]);
    held.apply(list(TEN + 25 * HOUR, 2, [consent(1)]), TEN + 25 * HOUR);
    expect(permits(TEN + 25 * HOUR)).toBe(true);
  });

  it('that never came permits nobody', () => {
    expect(consents().fresh(TEN)).toBe(false);
  });

  it('that is bare, as replay takes it, has no age', () => {
    const held = consents();
    held.apply({ list: 'full', records: [consent(1)] }, TEN);
    expect(held.permits('c1', 'recognition', TEN + 1_000 * HOUR)).toBeDefined();
  });

  it('says what it puts in force and what it ends, and nothing of what it repeats', () => {
    const held = consents();
    held.apply(list(TEN, 1, [consent(1), consent(2), consent(3)]), TEN);
    const later = [consent(1), consent(2, { version: 2, purposes: ['recognition'] }), consent(4)];
    const { put, ended, refused } = held.apply(list(TEN, 2, later), TEN);
    expect([refs(put).sort(), refs(ended), refused]).toEqual([['p2', 'p4'], ['p3'], undefined]);
    expect(refs(held.records()).sort()).toEqual(['p1', 'p2', 'p4']);
  });

  it('of changes leaves alone what it does not name', () => {
    const held = consents();
    held.apply(list(TEN, 1, [consent(1), consent(2)]), TEN);
    const { put, ended } = held.apply(
      list(TEN, 2, [consent(1, { version: 2, state: 'withdrawn' }), consent(3)], 1),
      TEN,
    );
    expect([refs(put), refs(ended), refs(held.records())]).toEqual([['p3'], ['p1'], ['p2', 'p3']]);
    expect(held.inForce()).toEqual({ version: 2, issuedAt: TEN });
  });

  it.each([
    ['of another store', { storeId: 's2' }, 'store s2'],
    ['not newer than the one in force', { version: 5 }, 'not newer than 5'],
    ['issued in the future', { version: 6, issuedAt: TEN + 5 * MINUTE + 1 }, 'future'],
  ])('%s is refused whole (R10), and the last good one stays', (_, more, reason) => {
    const held = consents();
    held.apply(list(TEN, 5, [consent(1)]), TEN);
    const withdrawal = consent(1, { version: 2, state: 'withdrawn' });
    const { put, ended, refused } = held.apply({ ...list(TEN, 6, [withdrawal, consent(2)]), ...more }, TEN);
    expect([put, ended]).toEqual([[], []]);
    expect(refused).toContain(reason);
    expect([held.inForce()?.version, refs(held.records())]).toEqual([5, ['p1']]);
  });

  it('from a clock a little ahead of ours is taken', () => {
    const held = consents();
    const { refused } = held.apply({ ...list(TEN, 1, []), issuedAt: TEN + 5 * MINUTE }, TEN);
    expect(refused).toBeUndefined();
  });

  it('of changes after a gap only withdraws, and says that a full list is needed', () => {
    const held = consents();
    held.apply(list(TEN, 5, [consent(1), consent(2)]), TEN);
    const changes = [consent(1, { version: 2, state: 'withdrawn' }), consent(3)];
    const { put, ended, refused } = held.apply(list(TEN, 8, changes, 7), TEN);
    expect([refs(put), refs(ended), refs(held.records())]).toEqual([[], ['p1'], ['p2']]);
    expect(refused).toContain('a full list is needed');
    expect(held.inForce()?.version).toBe(5);
  });

  it('older than a change whose withdrawals were applied cannot bring the withdrawn back', () => {
    const held = consents();
    held.apply(list(TEN, 5, [consent(1)]), TEN);
    held.apply(list(TEN, 8, [consent(1, { version: 2, state: 'withdrawn' })], 7), TEN);
    expect(held.apply(list(TEN, 6, [consent(1)]), TEN).refused).toContain('older than change 8');
    expect(refs(held.records())).toEqual([]);
    expect(held.apply(list(TEN, 9, [consent(2)]), TEN).refused).toBeUndefined();
    expect([refs(held.records()), held.inForce()]).toEqual([['p2'], { version: 9, issuedAt: TEN }]);
  });

  it('a change before any full list changes nothing', () => {
    const held = consents();
    expect(held.apply(list(TEN, 2, [consent(1)], 1), TEN).refused).toContain('in force is none');
    expect([refs(held.records()), held.inForce()]).toEqual([[], undefined]);
  });

  it('with an older version of a record leaves the newer one', () => {
    const held = consents();
    held.apply(list(TEN, 1, [consent(1, { version: 3 })]), TEN);
    held.apply(list(TEN, 2, [consent(1, { version: 2, state: 'withdrawn' })], 1), TEN);
    expect(held.permits('c1', 'recognition', TEN)?.version).toBe(3);
  });

  it.each([
    ['given first', [consent(1), consent(1, { version: 2, state: 'withdrawn' })]],
    ['given last', [consent(1, { version: 2, state: 'withdrawn' }), consent(1)]],
    ['both of one version', [consent(1, { state: 'withdrawn' }), consent(1)]],
  ])('that gives and withdraws a record, %s, withdraws it', (_, records) => {
    const held = consents();
    const { put } = held.apply(list(TEN, 1, records), TEN);
    expect([put, refs(held.records())]).toEqual([[], []]);
  });

  it('that gives a record to another subject ends it for the first', () => {
    const held = consents();
    held.apply(list(TEN, 1, [consent(1)]), TEN);
    const { put, ended } = held.apply(list(TEN, 2, [consent(1, { version: 2, subjectRef: 'p9' })]), TEN);
    expect([refs(put), refs(ended)]).toEqual([['p9'], ['p1']]);
  });

  it('is in force again after a restart, with its age', () => {
    const held = consents();
    held.apply(list(TEN, 7, [consent(1)]), TEN);
    const again = createConsents(
      { storeId: 's1', maxAgeHours: 24 },
      { records: [...held.records()], inForce: held.inForce() },
    );
    expect(again.permits('c1', 'recognition', TEN + HOUR)).toBeDefined();
    expect(again.permits('c1', 'recognition', TEN + 25 * HOUR)).toBeUndefined();
    expect(again.apply(list(TEN, 7, []), TEN).refused).toContain('not newer');
  });
});
