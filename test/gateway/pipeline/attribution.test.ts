import { describe, expect, it } from 'vitest';
import type { StoreEvent } from '../../../gateway/pipeline/outcome.ts';
import type { Signal } from '../../../gateway/pipeline/signal.ts';
import { consent, list, message, ranged, run, SECOND, shop, TEN, tick } from './shop.ts';

const ALL = ['recognition', 'location', 'interaction'];
const press: Signal = message('button-1', 'pressed', { button: 1, press: 'press' }, TEN + 20 * SECOND);

/** Who is in `bags` when its button is pressed; the press as it is told. */
function pressed(purposes: Record<number, string[]>, more: readonly Signal[] = []): StoreEvent | undefined {
  const people = Object.keys(purposes).map(Number);
  const pipeline = shop();
  const outcomes = run(pipeline, [
    tick(TEN - SECOND),
    list(
      TEN - SECOND,
      1,
      people.map((n) => consent(n, { purposes: purposes[n] })),
    ),
    ...people.map((n) => ranged(n, 'bags', TEN)),
    ...people.map((n) => ranged(n, 'bags', TEN + 10 * SECOND)),
    ...more,
    press,
  ]);
  return outcomes.flatMap(({ events }) => events).find(({ name }) => name === 'button.pressed');
}

const crowd = (near: number): Signal =>
  message('r-bags', 'crowd', { windowS: 60, near, far: 0 }, TEN + 15 * SECOND);

describe('R24: a press', () => {
  it('is linked to the one person who is there and agreed to it', () => {
    const event = pressed({ 1: ALL });
    expect(event).toMatchObject({
      class: 'B',
      subjectRef: 'p1',
      visitId: expect.stringMatching(/^[0-9a-f]{32}$/),
      data: {
        attribution: { visitId: event?.visitId, candidates: 1 },
        subject: { ref: 'p1' },
        consent: { recordId: 'c1', purposes: ALL },
      },
    });
  });

  it.each<[string, Record<number, string[]>, Signal[]]>([
    ['with nobody there', {}, []],
    ['where interaction is not granted', { 1: ['recognition', 'location'] }, []],
    ['where two recognised people are there', { 1: ALL, 2: ALL }, []],
    ['where the other of two did not agree to it', { 1: ALL, 2: ['recognition', 'location'] }, []],
    ['where somebody who is not located may be there', { 1: ALL, 2: ['recognition'] }, []],
    ['where many phones of strangers are close', { 1: ALL }, [crowd(3)]],
  ])('%s names nobody', (_, purposes, more) => {
    const event = pressed(purposes, more);
    expect(event?.subjectRef).toBeUndefined();
    expect(event?.data).not.toHaveProperty('attribution');
  });

  it('counts one phone that is close as the person’s own', () => {
    expect(pressed({ 1: ALL }, [crowd(1)])?.subjectRef).toBe('p1');
  });
});

it('R24: a pick from a shelf is linked in the same way, though it is settled by a tick', () => {
  const pipeline = shop();
  const weight = (g: number, at: number): Signal =>
    message('shelf-1', 'weight', { slots: [{ slot: 0, g, ok: true }] }, at);
  const outcomes = run(pipeline, [
    tick(TEN - SECOND),
    list(TEN - SECOND, 1, [consent(1, { purposes: ALL })]),
    weight(2_000, TEN - SECOND),
    ranged(1, 'shoes', TEN),
    ranged(1, 'shoes', TEN + 10 * SECOND),
    weight(1_600, TEN + 12 * SECOND),
    tick(TEN + 14 * SECOND),
  ]);
  const events = outcomes.flatMap(({ events }) => events);
  expect(events.find(({ name }) => name === 'shelf.item.picked')?.subjectRef).toBe('p1');
  expect(events.find(({ name }) => name === 'shelf.stock.changed')?.subjectRef).toBeUndefined();
});
