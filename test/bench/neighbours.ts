import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { arrivals } from './loaded-shop/arrivals.ts';
import { liveLoad, pubackMs, spread } from './loaded-shop/live.ts';
import { watchOutbox } from './loaded-shop/outbox-watch.ts';
import { BUTTONS, loadedShop, machine, newFolder, profileStore } from './loaded-shop/shop.ts';

/*
 * What a sick destination costs the healthy one beside it, and the devices: one that refuses, one that answers
 * after ten seconds, one that fails on each fiftieth press for ever.
 *
 *   npx tsx test/bench/neighbours.ts [--seconds 20] [--live 200]
 *
 * One line for each.
 */

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '20' }, live: { type: 'string', default: '200' } },
});
const SICK = ['none', 'dead', 'slow', 'poison'] as const;

for (const sick of SICK) process.stdout.write(`${JSON.stringify(await beside(sick))}\n`);

async function beside(sick: (typeof SICK)[number]) {
  const folder = newFolder();
  const { store, url, tokenFile } = await profileStore(folder);
  const other = await destination(sick);
  const shop = loadedShop(folder, BUTTONS, [
    { kind: 'http', url, tokenFile },
    ...(sick === 'none' ? [] : [{ kind: 'http', url: other.url }]),
  ]);
  const { gateway, mqtt } = await shop.start();
  const watch = watchOutbox(shop.config.data);
  const load = await liveLoad(mqtt, shop.secrets, Number(values.live));
  await wait(Number(values.seconds) * 1_000);
  const presses = await load.stop();
  await wait(3_000);
  const waiting = watch.waiting();
  watch.close();
  await gateway.stop('SIGTERM');
  await store.stop('SIGTERM');
  other.close();
  const { liveMs } = arrivals(folder, presses);
  shop.remove();
  return {
    beside: sick,
    livePresses: presses.length,
    pubackMs: pubackMs(presses),
    healthyMs: spread(liveMs),
    waitingForTheOther: waiting,
    ...machine(),
  };
}

/** Where it listens, or does not. */
async function destination(sick: (typeof SICK)[number]): Promise<{ url: string; close(): void }> {
  if (sick === 'dead') return { url: `http://127.0.0.1:${await freePort()}`, close: () => {} };
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(404).end();
    const body = await text(request);
    if (sick === 'slow') await wait(10_000);
    const isPoison = sick === 'poison' && /"causationid":"[^"]*\/\d*[05]0"/.test(body);
    response.writeHead(isPoison ? 500 : 204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
