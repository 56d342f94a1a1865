import { parentPort, workerData } from 'node:worker_threads';
import { type Keeper, openKeeper } from './keeper.ts';
import type { FromThread, ThreadData, ToThread } from './messages.ts';

/* The history's thread: all that touches its file. It writes twice a minute, and answers meanwhile. */

const { flushMs, ...data } = workerData as ThreadData;
const say = (message: FromThread): void => parentPort?.postMessage(message);
const keeper: Keeper = openKeeper(data, (text) => say({ kind: 'told', text }));

function flush(): void {
  keeper.flush();
  say({ kind: 'state', state: keeper.state() });
}
const timer = setInterval(flush, flushMs);

const handlers: { [K in ToThread['kind']]: (message: Extract<ToThread, { kind: K }>) => void } = {
  take({ isClockSure, ...taken }) {
    keeper.take(taken, isClockSure);
    say({ kind: 'state', state: keeper.state() });
  },
  query({ id, query }) {
    try {
      const lines = keeper.query(query);
      const octets = lines.map(({ values }) => values.buffer as ArrayBuffer);
      parentPort?.postMessage({ kind: 'answer', id, lines } satisfies FromThread, octets);
    } catch (error) {
      say({ kind: 'no answer', id, reason: (error as Error).message });
    }
  },
  close() {
    clearInterval(timer);
    flush();
    keeper.close();
    say({ kind: 'closed' });
    parentPort?.close();
  },
};

parentPort?.on('message', (message: ToThread) => handlers[message.kind](message as never));
