import { appendFileSync, openSync, writeSync } from 'node:fs';
import { Session } from 'node:inspector';
import { setFlagsFromString, writeHeapSnapshot } from 'node:v8';
import { runInNewContext } from 'node:vm';
import pino from 'pino';
import { readConfig } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/gateway.ts';

/*
 * The gateway as a process of its own, with its wall clock in the hand of who started it:
 *
 *   node --import tsx gateway-process.ts <aisle.yaml> <log file> <ms since the epoch>
 *
 * Over IPC it takes an `Order` and answers each with `{done: <n>}`, in order.
 */
export type Order =
  | { order: 'wall'; at: number }
  /** Collects garbage first: what is left is held. */
  | { order: 'heap'; snapshot: string; buffers: string }
  | { order: 'close' };

export interface Started {
  mqtt: { port: number };
  dashboard: { port: number };
}

const [config = '', logFile = '', startAt = ''] = process.argv.slice(2);
let wall = Number(startAt);

// The most talkative: what a line at `trace` would say must not be said either.
const log = pino({ base: null, level: 'trace' }, pino.destination({ dest: logFile, sync: true }));
const gateway = await startGateway({ config: readConfig(config), log, wall: () => wall });
process.send?.({ mqtt: gateway.mqtt, dashboard: gateway.dashboard });

let done = 0;
process.on('message', async (order: Order) => {
  if (order.order === 'wall') wall = order.at;
  else if (order.order === 'heap') await writeHeap(order);
  else await gateway.close();
  done += 1;
  process.send?.({ done });
  if (order.order === 'close') process.disconnect();
});

// Who started it has gone: nothing of it stays behind.
process.on('disconnect', () => process.exit());

async function writeHeap({ snapshot, buffers }: { snapshot: string; buffers: string }): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  writeHeapSnapshot(snapshot);
  await writeLiveBuffers(buffers);
}

/** A heap snapshot has no octets of buffers: these are asked from the engine one prototype at a time. */
async function writeLiveBuffers(file: string): Promise<void> {
  const descriptor = openSync(file, 'w', 0o600);
  const session = new Session();
  session.connect();
  Object.assign(globalThis, {
    writeOctets: (buffer: ArrayBuffer) => writeSync(descriptor, new Uint8Array(buffer)),
  });
  const post = (method: string, parameters: object) =>
    new Promise<{ objects?: { objectId?: string }; result?: { objectId?: string } }>((resolve, reject) =>
      session.post(method, parameters, (error, result) => (error ? reject(error) : resolve(result as never))),
    );
  for (const kind of ['ArrayBuffer', 'SharedArrayBuffer']) {
    const { result } = await post('Runtime.evaluate', { expression: `${kind}.prototype` });
    const { objects } = await post('Runtime.queryObjects', { prototypeObjectId: result?.objectId });
    await post('Runtime.callFunctionOn', {
      objectId: objects?.objectId,
      functionDeclaration: 'function () { for (const one of this) writeOctets(one); }',
    });
  }
  session.disconnect();
  appendFileSync(file, '');
}
