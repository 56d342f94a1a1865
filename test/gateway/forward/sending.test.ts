import { expect, it } from 'vitest';
import { createSending } from '../../../gateway/forward/sending.ts';
import { systemTimers } from '../../../gateway/timers.ts';
import type { Uplink } from '../../../gateway/uplinks/uplink.ts';
import { heldHeap } from '../../support/held-heap.ts';

const EVENT = { position: 1, id: 'e-1', name: 'button.pressed', body: '{}' };

const taking: Uplink = {
  send: async (events) => ({ accepted: events.map(({ id }) => id), rejected: [] }),
  async close() {},
};

/** Answers only when it is told to give up. */
const silent: Uplink = {
  send: (_events, signal) =>
    new Promise((_resolve, reject) => {
      const giveUp = () => reject(new Error('broken off'));
      if (signal.aborted) giveUp();
      signal.addEventListener('abort', giveUp);
    }),
  async close() {},
};

it('leaves nothing in memory of batches that were answered for', async () => {
  const sending = createSending(taking, systemTimers, new AbortController().signal);
  const send = async (count: number) => {
    for (let n = 0; n < count; n += 1) await sending.send([EVENT]);
    return heldHeap();
  };
  const before = await send(5_000);
  expect((await send(20_000)) - before).toBeLessThan(500_000);
});

it('breaks off what is on its way, and what is sent after, when the gateway ends', async () => {
  const closing = new AbortController();
  const sending = createSending(silent, systemTimers, closing.signal);
  const under = sending.send([EVENT]);
  closing.abort();
  for (const attempt of [await under, await sending.send([EVENT])]) {
    expect(attempt).toMatchObject({ error: { message: 'broken off' }, isRecalled: false });
  }
});

it('R6: breaks off a batch with a purged event after a moment, and says that it was for that', async () => {
  const soon = { ...systemTimers, after: (_ms: number, work: () => void) => systemTimers.after(0, work) };
  const sending = createSending(silent, soon, new AbortController().signal);
  const under = sending.send([EVENT]);
  sending.letGo(new Set([EVENT.position]));
  expect(await under).toMatchObject({ error: { message: 'broken off' }, isRecalled: true });
});
