import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  frameBatcher,
  HOLD_MS,
  MAX_AGE_MS,
  MAX_BACKLOG_FRAMES,
  MAX_IN_FLIGHT,
  type WaitingFrame,
} from '../../devices/frame-batch.ts';
import { receiver } from '../../devices/receiver.ts';

const frame = (at: number, data = '0201061216d2fc41'): WaitingFrame => ({
  address: '54:48:e6:8f:80:a5',
  addressType: 'random',
  rssi: -60,
  data,
  at,
});
const framesOf = (payload: string): { ageMs: number; data: string }[] => JSON.parse(payload).frames;

describe('a receiver’s messages', () => {
  it('wait 150 ms for company, and no longer', () => {
    const batcher = frameBatcher('b1');
    batcher.add(frame(1000));
    batcher.add(frame(1100));
    expect(batcher.dueAt()).toBe(1000 + HOLD_MS);
    expect(batcher.next(1149)).toBeUndefined();
    const message = batcher.next(1150);
    expect(framesOf(message?.payload ?? '').map(({ ageMs }) => ageMs)).toEqual([150, 50]);
    expect(batcher.next(1151)).toBeUndefined();
    expect(batcher.dueAt()).toBeUndefined();
  });

  it('go at once when a hundred frames wait, a hundred at a time', () => {
    const batcher = frameBatcher('b1');
    for (let i = 0; i < 250; i += 1) batcher.add(frame(1000));
    expect(framesOf(batcher.next(1001)?.payload ?? '')).toHaveLength(100);
    expect(framesOf(batcher.next(1001)?.payload ?? '')).toHaveLength(100);
    expect(batcher.next(1001)).toBeUndefined();
    expect(framesOf(batcher.next(1001, true)?.payload ?? '')).toHaveLength(50);
  });

  it('are what the contract has: 100 frames, 64 KiB, every field in its range', () => {
    const schema = receiver.messages.advertisements.schema;
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 1650 }), { minLength: 1, maxLength: 300, size: 'max' }),
        fc.integer({ min: 0, max: MAX_AGE_MS }),
        (lengths, age) => {
          const batcher = frameBatcher('b1234567');
          for (const length of lengths) batcher.add(frame(0, 'ff'.repeat(length)));
          let received = 0;
          for (let next = batcher.next(age, true); next; next = batcher.next(age, true)) {
            expect(Buffer.byteLength(next.payload)).toBeLessThanOrEqual(64 * 1024);
            expect(schema.safeParse(JSON.parse(next.payload)).error).toBeUndefined();
            received += framesOf(next.payload).length;
            batcher.acknowledged(next.seq);
          }
          expect(received).toBe(lengths.length);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('are sent again under the same number, older by the time that passed, before anything new', () => {
    const batcher = frameBatcher('b1');
    batcher.add(frame(0));
    const first = batcher.next(150);
    batcher.add(frame(200, 'aa'));
    const second = batcher.next(350);
    batcher.acknowledged(second?.seq ?? 0);
    batcher.connectionLost();
    batcher.add(frame(400, 'bb'));
    const again = batcher.next(5000);
    expect(again?.seq).toBe(first?.seq);
    expect(framesOf(again?.payload ?? '')[0]?.ageMs).toBe(5000);
    expect(framesOf(batcher.next(5000)?.payload ?? '')[0]?.data).toBe('bb');
    expect(batcher.counters()).toEqual({ sent: 3, acked: 1, dropped: 0 });
  });

  it('stop at eight without acknowledgement, and go on with each that comes', () => {
    const batcher = frameBatcher('b1');
    for (let i = 0; i < 100 * (MAX_IN_FLIGHT + 1); i += 1) batcher.add(frame(0));
    const seqs = Array.from({ length: MAX_IN_FLIGHT }, () => batcher.next(200)?.seq);
    expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(batcher.next(200)).toBeUndefined();
    batcher.acknowledged(3);
    expect(batcher.next(200)?.seq).toBe(9);
  });

  it('lose the oldest frames, and count them, when the gateway is away for long', () => {
    const batcher = frameBatcher('b1');
    for (let i = 0; i < MAX_BACKLOG_FRAMES + 5; i += 1) batcher.add(frame(i));
    expect(batcher.counters().dropped).toBe(5);
    const oldest = framesOf(batcher.next(MAX_BACKLOG_FRAMES)?.payload ?? '')[0];
    expect(oldest?.ageMs).toBe(MAX_BACKLOG_FRAMES - 5);
  });

  it('forget what was heard four minutes ago, whether it waits or was sent without an answer', () => {
    const batcher = frameBatcher('b1');
    batcher.add(frame(0));
    const first = batcher.next(150);
    batcher.add(frame(200));
    batcher.add(frame(300));
    batcher.connectionLost();
    batcher.forget(MAX_AGE_MS + 250);
    expect(batcher.waiting()).toBe(1);
    expect(batcher.counters().dropped).toBe(2);
    // The number is still owed: the gateway may have seen it.
    const again = batcher.next(MAX_AGE_MS + 250);
    expect(again?.seq).toBe(first?.seq);
    expect(framesOf(again?.payload ?? '')).toEqual([]);
    expect(framesOf(batcher.next(MAX_AGE_MS + 250)?.payload ?? '')).toHaveLength(1);
  });

  it('carry one crowd count at a time, the newest, numbered with the others', () => {
    const batcher = frameBatcher('b1');
    batcher.addCrowd({ windowS: 60, near: 1, far: 2 });
    batcher.addCrowd({ windowS: 60, near: 3, far: 4 });
    batcher.add(frame(0));
    expect(batcher.next(150)).toEqual({
      seq: 1,
      name: 'crowd',
      payload: '{"windowS":60,"near":3,"far":4,"seq":1,"boot":"b1"}',
    });
    expect(batcher.next(150)?.name).toBe('advertisements');
  });
});
