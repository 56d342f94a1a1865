import { describe, expect, it } from 'vitest';
import type { Holder, Ticket } from '../../../gateway/consents.ts';
import type { Pipeline } from '../../../gateway/pipeline/pipeline.ts';
import type { Choice, Signal } from '../../../gateway/pipeline/signal.ts';
import {
  consent,
  HOUR,
  list,
  MINUTE,
  names,
  ranged,
  run,
  SECOND,
  shop,
  shopConfig,
  storedAfter,
  TEN,
  tick,
  tokenOf,
} from './shop.ts';

function open(records = [consent(1)]): Pipeline {
  const pipeline = shop();
  run(pipeline, [tick(TEN - SECOND), list(TEN - SECOND, 1, records)]);
  return pipeline;
}

const HELD: Holder = { recordId: 'c1' };
const ticket: Ticket = { subjectRef: 'p2', version: 3, keys: [{ kind: 'app', token: tokenOf(2) }] };
const NEWCOMER: Holder = { recordId: 'c2', ticket };

const withdrawal = (at: number, holder = HELD): Signal => ({
  kind: 'choice',
  at,
  channel: 'kiosk',
  holder,
  choice: 'withdraw',
});
const grant = (at: number, holder = NEWCOMER, purposes: Grant['purposes'] = ['location']): Signal => ({
  kind: 'choice',
  at,
  channel: 'kiosk',
  holder,
  choice: { purposes, language: 'fr' },
});
type Grant = Exclude<Choice['choice'], 'withdraw'>;

/** What of somebody is recognised now, by their app. */
const recognised = (pipeline: Pipeline, n: number, at: number) =>
  names(pipeline.accept(ranged(n, 'shoes', at))).includes('visit.started');

describe('a withdrawal in the shop', () => {
  it('R6: is in force with its own signal: the visit ends, nothing is recognised, what waits goes', () => {
    const pipeline = open();
    run(pipeline, [ranged(1, 'shoes', TEN)]);
    const outcome = pipeline.accept(withdrawal(TEN + SECOND));
    expect(names(outcome)).toEqual(['visit.ended', 'consent.withdrawn']);
    expect(outcome.purge).toEqual([{ subjectRef: 'p1', recordIds: ['c1'], keys: 1, caches: 3 }]);
    expect(outcome.audit).toEqual([{ what: 'withdrawn', recordId: 'c1', version: 1 }]);
    expect(recognised(pipeline, 1, TEN + 2 * SECOND)).toBe(false);
  });

  it('R23: tells the platform by the record, and nowhere the person', () => {
    const outcome = open().accept(withdrawal(TEN));
    expect(outcome.events).toMatchObject([
      {
        name: 'consent.withdrawn',
        class: 'A',
        countsQueued: true,
        data: {
          recordId: 'c1',
          version: 1,
          channel: 'kiosk',
          noticeId: 'n1',
          effectiveAt: new Date(TEN).toISOString(),
          purge: { keys: 1, caches: 1, queued: 0 },
        },
      },
    ]);
    expect(JSON.stringify(outcome.events)).not.toMatch(/p1|0{8}/);
  });

  it('R6: ends every record of that person, each told by its own event, what went counted once', () => {
    const second = consent(2, { subjectRef: 'p1', keys: consent(1).keys });
    const pipeline = open([consent(1), second, consent(3)]);
    run(pipeline, [ranged(1, 'shoes', TEN)]);
    const outcome = pipeline.accept(withdrawal(TEN + SECOND));
    const told = outcome.events.filter(({ name }) => name === 'consent.withdrawn');
    expect(told.map(({ data, countsQueued }) => [data.recordId, data.purge, countsQueued])).toEqual([
      ['c1', { keys: 2, caches: 4, queued: 0 }, true],
      ['c2', { keys: 0, caches: 0, queued: 0 }, undefined],
    ]);
    expect(recognised(pipeline, 1, TEN + 2 * SECOND)).toBe(false);
    expect([pipeline.held('c2'), pipeline.held('c3')?.recordId]).toEqual([undefined, 'c3']);
  });

  it('beats every list until a higher version of the record', () => {
    const pipeline = open();
    pipeline.accept(withdrawal(TEN));
    pipeline.accept(list(TEN + SECOND, 2, [consent(1)]));
    expect(recognised(pipeline, 1, TEN + 2 * SECOND)).toBe(false);
    pipeline.accept(list(TEN + 3 * SECOND, 3, [consent(1, { version: 2 })]));
    expect(recognised(pipeline, 1, TEN + 4 * SECOND)).toBe(true);
  });

  it('is remembered over a restart', () => {
    const pipeline = shop();
    const before = run(pipeline, [tick(TEN), list(TEN, 1, [consent(1)]), withdrawal(TEN + SECOND)]);
    const restarted = shop({ stored: storedAfter(before) });
    restarted.accept(list(TEN + 2 * SECOND, 2, [consent(1)]));
    expect(recognised(restarted, 1, TEN + 3 * SECOND)).toBe(false);
  });

  it('works where recognition stands still: in anonymous mode, and by a list that is too old', () => {
    const late = TEN + 25 * HOUR;
    const pipeline = open();
    pipeline.accept(tick(late));
    expect(pipeline.holderOf(tokenOf(1), late)).toEqual({ recordId: 'c1' });
    expect(names(pipeline.accept(withdrawal(late)))).toEqual(['consent.withdrawn']);
  });

  it('of nobody changes nothing, and says so', () => {
    const outcome = open().accept(withdrawal(TEN, { recordId: 'c9' }));
    expect(outcome.refused).toBe('there is no consent to withdraw');
    expect([outcome.events, outcome.purge, outcome.changes]).toEqual([[], [], []]);
  });
});

describe('a grant in the shop', () => {
  it('recognises from this moment on, and tells the platform what was agreed to', () => {
    const pipeline = open();
    const outcome = pipeline.accept(grant(TEN));
    expect(outcome.events).toMatchObject([
      {
        name: 'consent.granted',
        class: 'A',
        subjectRef: 'p2',
        data: {
          recordId: 'c2',
          version: 4,
          purposes: ['recognition', 'location'],
          method: 'kiosk',
          noticeId: 'n1',
          noticeVersion: '3',
          language: 'fr',
          subject: { ref: 'p2' },
        },
      },
    ]);
    expect(outcome.audit).toEqual([
      { what: 'granted', recordId: 'c2', version: 4, detail: 'recognition location' },
    ]);
    expect(recognised(pipeline, 2, TEN + SECOND)).toBe(true);
  });

  it('R8: does not reach back: what was heard before is nobody’s', () => {
    const pipeline = open();
    pipeline.accept(grant(TEN));
    expect(names(pipeline.accept(ranged(2, 'shoes', TEN - SECOND)))).toEqual([]);
  });

  it('outlasts a full list without it for an hour, until the platform has heard of it', () => {
    const pipeline = open();
    pipeline.accept(grant(TEN));
    pipeline.accept(list(TEN + 59 * MINUTE, 2, [consent(1)]));
    expect(pipeline.held('c2')?.version).toBe(4);
    pipeline.accept(list(TEN + 61 * MINUTE, 3, [consent(1)]));
    expect(pipeline.held('c2')).toBeUndefined();
  });

  it('is the platform’s once a list names its version', () => {
    const pipeline = open();
    pipeline.accept(grant(TEN));
    const known = consent(2, { version: 4, purposes: ['recognition'] });
    pipeline.accept(list(TEN + MINUTE, 2, [consent(1), known]));
    expect(pipeline.held('c2')?.purposes).toEqual(['recognition']);
    pipeline.accept(list(TEN + 2 * MINUTE, 3, [consent(1)]));
    expect(pipeline.held('c2')).toBeUndefined();
  });

  it('comes after a withdrawal by the same act, as easily', () => {
    const pipeline = open();
    pipeline.accept(withdrawal(TEN));
    const again = {
      recordId: 'c1',
      ticket: { ...ticket, subjectRef: 'p1', version: 1, keys: consent(1).keys },
    };
    pipeline.accept(grant(TEN + SECOND, again));
    expect(pipeline.held('c1')?.version).toBe(2);
    expect(recognised(pipeline, 1, TEN + 2 * SECOND)).toBe(true);
  });

  it('R5: of fewer purposes ends the person’s other records that grant more, and lists do not bring them back', () => {
    const more = consent(2, { subjectRef: 'p1', purposes: ['recognition', 'location'] });
    const alike = consent(3, { subjectRef: 'p1', purposes: ['recognition'] });
    const pipeline = open([consent(1), more, alike]);
    const outcome = pipeline.accept(grant(TEN, HELD, []));
    expect(names(outcome)).toEqual(['consent.withdrawn', 'consent.granted']);
    expect(outcome.events[0]?.data.recordId).toBe('c2');
    pipeline.accept(list(TEN + SECOND, 2, [consent(1), more, alike]));
    const held = ['c1', 'c2', 'c3'].map((id) => pipeline.held(id)?.purposes);
    expect(held).toEqual([['recognition'], undefined, ['recognition']]);
  });

  it('R9: is refused while the clock is not sure, which its beginning hangs on', () => {
    const pipeline = open();
    pipeline.accept(tick(TEN, false));
    expect(pipeline.accept(grant(TEN)).refused).toBe('nobody can agree while the clock is not sure');
    expect(pipeline.held('c2')).toBeUndefined();
  });

  it('R28: is refused where the shop has no notice, or does not recognise', () => {
    const { notice: _, ...store } = shopConfig().store;
    for (const config of [
      shopConfig((config) => ({ ...config, store })),
      shopConfig((config) => ({ ...config, mode: 'anonymous' })),
    ]) {
      const outcome = shop({ config }).accept(grant(TEN));
      expect([outcome.refused, outcome.events]).toEqual(['this shop recognises nobody', []]);
    }
  });
});

describe('fewer purposes than before', () => {
  it('R5: take the waiting events that rest on them, and forget where the person was', () => {
    const pipeline = open();
    run(pipeline, [ranged(1, 'shoes', TEN)]);
    const less = consent(1, { version: 2, purposes: ['recognition'] });
    const outcome = pipeline.accept(list(TEN + SECOND, 2, [less]));
    expect(outcome.purge).toEqual([
      { subjectRef: 'p1', recordIds: ['c1'], keys: 0, caches: 0, only: ['location'] },
    ]);
    expect(pipeline.presences()).toEqual([]);
    const after = run(pipeline, [ranged(1, 'bags', TEN + 2 * SECOND), tick(TEN + HOUR)]);
    expect(names(...after)).toEqual(['visit.ended']);
    expect(after.flatMap(({ events }) => events)[0]?.data).not.toHaveProperty('zones');
  });
});

describe('the platform’s command to erase', () => {
  const erase = (id: string, subjectRef: string, at: number): Signal => ({
    kind: 'command',
    at,
    command: {
      id,
      storeId: 's1',
      gateway: 'g1',
      action: 'erase',
      args: { subjectRef },
      issuedAt: at,
      expiresAt: at + MINUTE,
    },
  });

  it('R15: removes records, keys and visit, and no list of the same version brings them back', () => {
    const pipeline = open([consent(1), consent(3, { subjectRef: 'p1' })]);
    run(pipeline, [ranged(1, 'shoes', TEN)]);
    const outcome = pipeline.accept(erase('x1', 'p1', TEN + SECOND));
    expect(names(outcome)).toEqual(['visit.ended', 'command.completed']);
    expect(outcome.purge).toMatchObject([{ subjectRef: 'p1', recordIds: ['c1', 'c3'], keys: 2 }]);
    expect(outcome.audit.map(({ what, recordId }) => [what, recordId])).toEqual([
      ['erased', 'c1'],
      ['erased', 'c3'],
    ]);
    pipeline.accept(list(TEN + 2 * SECOND, 2, [consent(1), consent(3, { subjectRef: 'p1' })]));
    expect([pipeline.held('c1'), pipeline.held('c3')]).toEqual([undefined, undefined]);
  });

  it('of somebody without a record still takes what waits of them', () => {
    const outcome = open().accept(erase('x1', 'p7', TEN));
    expect(outcome.purge).toEqual([{ subjectRef: 'p7', recordIds: [], keys: 0, caches: 0 }]);
  });

  it('keeps the spent command without the person', () => {
    const outcome = open().accept(erase('x1', 'p1', TEN));
    expect(JSON.stringify([outcome.changes, outcome.events])).not.toContain('p1');
  });
});
