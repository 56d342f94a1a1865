import { describe, expect, it } from 'vitest';
import { auditWriter } from '../../../gateway/audit.ts';
import type { ConsentRecord } from '../../../gateway/consent-record.ts';
import type { StoredState } from '../../../gateway/pipeline/outcome.ts';
import { subjectData } from '../../../gateway/privacy/subject-data.ts';
import { sealedEvents } from '../../../gateway/sealed-events.ts';
import { storedEvents } from '../../../gateway/stored-events.ts';
import { subjectKeys } from '../../../gateway/subject-keys.ts';
import { ALL, KEY, personal, said, TEN, testStore } from '../outbox/event-store.ts';
import { shopWith } from './shops.ts';

const record = (recordId: string, subjectRef: string, keys: ConsentRecord['keys'] = []): ConsentRecord => ({
  recordId,
  version: 1,
  subjectRef,
  purposes: ['recognition'],
  state: 'given',
  validFrom: '2026-01-01T00:00:00Z',
  noticeVersion: '3',
  stores: ['lyon-1'],
  keys,
});

const withState = (state: Record<string, [string, unknown][]>): StoredState => ({
  get: (kind) => new Map(state[kind] ?? []),
});

/** Events of Anna wait and lie dead, one of Ben waits; both have records, choices, tags and audit lines. */
function store() {
  const { db, outbox, store } = testStore();
  store([personal('visit.started', 'anna', 'v1'), personal('zone.entered', 'anna', 'v1')]);
  const taken = outbox.take('up', ALL, 1);
  outbox.settle('up', taken, said([], taken), TEN);
  store([personal('visit.started', 'ben', 'v2')]);
  auditWriter(db)(
    [
      { what: 'granted', recordId: 'c1', version: 1 },
      { what: 'granted', recordId: 'c10', version: 1 },
      { what: 'withdrawn', recordId: 'c1', version: 1 },
    ],
    TEN,
  );
  const stored = withState({
    consent: [
      [
        'c1',
        record('c1', 'anna', [
          { kind: 'irk', irk: 'ab'.repeat(16) },
          { kind: 'wifi', user: 'anna@example.org' },
        ]),
      ],
      ['c10', record('c10', 'ben')],
    ],
    'shop-choice': [
      ['c1', { choice: 'granted', version: 1, at: TEN }],
      ['c10', { choice: 'granted', version: 1, at: TEN }],
    ],
    'tag-clock': [
      ['c1/0', { registered: 1, offset: 2 }],
      ['c10/0', { registered: 1, offset: 2 }],
    ],
  });
  const sealed = sealedEvents(subjectKeys(db, KEY), KEY);
  return { db, stored, sealed };
}

describe('R16: what is held of one person', () => {
  const data = () => subjectData('anna', { config: shopWith('identify'), at: TEN, ...store() });

  it('has waiting and refused events apart, opened', () => {
    const { waiting, deadLetters } = data();
    expect(waiting.map(({ type }) => type)).toEqual(['aisle.zone.entered.v1']);
    expect(deadLetters).toMatchObject([
      {
        uplink: 'up',
        reason: 'no',
        at: '2026-03-01T10:00:00.000Z',
        event: { type: 'aisle.visit.started.v1' },
      },
    ]);
  });

  it('has the choices, tags and audit lines of their records, and not of one with a similar name', () => {
    const { choices, tagClocks, audit } = data();
    expect(choices.map(({ recordId }) => recordId)).toEqual(['c1']);
    expect(tagClocks.map(({ key }) => key)).toEqual(['c1/0']);
    expect(audit.map(({ n, what }) => [n, what])).toEqual([
      [1, 'granted'],
      [3, 'withdrawn'],
    ]);
    expect(JSON.stringify(data())).not.toMatch(/ben|c10/);
  });

  it('R13: shows no key whole', () => {
    expect(data().consents[0]?.keys).toEqual([
      { kind: 'irk', irk: '…abab' },
      { kind: 'wifi', user: '….org' },
    ]);
  });
});

describe('stored events', () => {
  it('come each once, whether they wait, were refused or both', () => {
    const { db, sealed } = store();
    const types = [...storedEvents(db, sealed).since(0)].map(({ type }) => type);
    expect(types).toEqual([
      'aisle.visit.started.v1',
      'aisle.zone.entered.v1',
      'aisle.gateway.gap.v1',
      'aisle.visit.started.v1',
    ]);
  });

  it('whose key is destroyed are nowhere', () => {
    const { db, sealed } = store();
    subjectKeys(db, KEY).destroy(sealed.tagOf('anna'));
    const events = storedEvents(db, sealedEvents(subjectKeys(db, KEY), KEY));
    expect([...events.waitingOf('anna'), ...events.deadOf('anna')]).toEqual([]);
    expect([...events.since(0)].map(({ type }) => type)).toEqual([
      'aisle.gateway.gap.v1',
      'aisle.visit.started.v1',
    ]);
  });
});
