import { expect, it } from 'vitest';
import { type Stats, without } from '../../firmware-sim/profile-store/ledger.ts';
import { client, event, open, press, SOURCE } from './profile-store-client.ts';

async function statsAfter(events: readonly object[]): Promise<Stats> {
  const { send, get } = client((await open()).url);
  expect((await send(events)).body.rejected).toEqual([]);
  return (await get<Stats>('/stats')).body;
}

it('counts by type, and what is personal', async () => {
  const subject = { subject: { ref: 'p1' }, visitId: 'v1' };
  const stats = await statsAfter([press(1), press(2), event(3, 'visit.started', subject)]);
  expect(stats).toMatchObject({
    received: 3,
    personalEvents: 1,
    presses: 2,
    byType: { 'aisle.button.pressed.v1': 2, 'aisle.visit.started.v1': 1 },
    gaps: { count: 0, declared: 0 },
  });
});

it('finds the sequence numbers that are missing', async () => {
  const stats = await statsAfter([1, 2, 5, 6, 9].map((n) => press(n)));
  expect(stats.sequences).toEqual([
    {
      source: SOURCE,
      epoch: 'e0e0e0e0',
      min: 1,
      max: 9,
      count: 5,
      missing: [
        [3, 4],
        [7, 8],
      ],
    },
  ]);
});

it('takes what a gap declares out of what is missing, wholly or by its ranges', async () => {
  const gap = { epoch: 'e0e0e0e0', reason: 'expired' };
  const ranges = [
    [12, 12],
    [14, 15],
  ];
  const stats = await statsAfter([
    press(1),
    event(5, 'gateway.gap', { ...gap, from: 2, to: 3, count: 2 }),
    event(20, 'gateway.gap', { ...gap, from: 12, to: 15, count: 3, ranges }),
    ...[6, 7, 8, 9, 10, 11, 16, 17, 18, 19].map((n) => press(n)),
  ]);
  expect(stats.gaps).toEqual({ count: 2, declared: 5 });
  expect(stats.sequences[0]?.missing).toEqual([
    [4, 4],
    [13, 13],
  ]);
});

it('keeps epochs apart, also in what a gap declares', async () => {
  const gap = { epoch: 'aaaaaaaa', from: 2, to: 2, count: 1, reason: 'erased' };
  const stats = await statsAfter([
    ...[1, 3].flatMap((n) => [press(n, { epoch: 'aaaaaaaa' }), press(n, { epoch: 'bbbbbbbb' })]),
    event(4, 'gateway.gap', gap, { epoch: 'bbbbbbbb' }),
  ]);
  expect(stats.sequences.map(({ epoch, missing }) => [epoch, missing])).toEqual([
    ['aaaaaaaa', []],
    ['bbbbbbbb', [[2, 2]]],
  ]);
});

it('takes foreign CloudEvents without a place among the sequences', async () => {
  const foreign = { specversion: '1.0', id: 'x', source: '/other', type: 'com.example.x', sequence: '5' };
  const stats = await statsAfter([foreign]);
  expect(stats).toMatchObject({ received: 1, byType: { 'com.example.x': 1 }, sequences: [] });
});

it('sees one press that was told twice under two ids', async () => {
  const stats = await statsAfter([
    press(1, { causationid: 'b1/k/1' }),
    press(2, { causationid: 'b1/k/1' }),
    press(3, { causationid: 'b1/k/2' }),
    // Two tags' presses in one message of a receiver are two presses.
    press(4, { causationid: 'receiver-1/k/9' }),
    press(5, { causationid: 'receiver-1/k/9' }),
    press(6),
    press(7),
  ]);
  expect(stats).toMatchObject({ presses: 7, doubledEffects: 1 });
});

it('subtracts ranges that overlap, touch and enclose', () => {
  expect(
    without(
      [[1, 10]],
      [
        [3, 4],
        [4, 6],
      ],
    ),
  ).toEqual([
    [1, 2],
    [7, 10],
  ]);
  expect(without([[1, 10]], [[0, 20]])).toEqual([]);
  expect(
    without(
      [[5, 5]],
      [
        [4, 4],
        [6, 6],
      ],
    ),
  ).toEqual([[5, 5]]);
});
