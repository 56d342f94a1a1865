import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { arrivals } from './loaded-shop/arrivals.ts';
import { plainBroker } from './loaded-shop/broker.ts';
import { fill } from './loaded-shop/fill.ts';
import { liveLoad, pubackMs, spread } from './loaded-shop/live.ts';
import { watchOutbox } from './loaded-shop/outbox-watch.ts';
import { BUTTONS, loadedShop, machine, newFolder, profileStore } from './loaded-shop/shop.ts';

/*
 * How fast a gateway starts with a backlog, how fast it brings it to the profile store, and what devices
 * feel of it meanwhile:
 *
 *   npx tsx test/bench/backlog.ts [--waiting 1000000] [--live 200] [--uplinks http|mqtt|both]
 *
 * Gateway, profile store (SQLite, synchronous = FULL) and Debian's mosquitto are processes of their own. One
 * line at the end.
 */

const { values } = parseArgs({
  options: {
    waiting: { type: 'string', default: '1000000' },
    live: { type: 'string', default: '200' },
    uplinks: { type: 'string', default: 'http' },
    /** Node's own for the gateway, such as `--cpu-prof`. */
    'node-arguments': { type: 'string', default: '' },
  },
});
const waiting = Number(values.waiting);

const folder = newFolder();
const hasHttp = values.uplinks !== 'mqtt';
const { store, url, tokenFile } = await profileStore(folder);
const central = values.uplinks === 'http' ? undefined : await plainBroker(folder);
const shop = loadedShop(folder, BUTTONS, [
  ...(hasHttp ? [{ kind: 'http', url, tokenFile }] : []),
  ...(central ? [{ kind: 'mqtt', url: central.url }] : []),
]);
await fill(shop.config, waiting);

const { gateway, mqtt, startMs } = await shop.start(values['node-arguments']);
const watch = watchOutbox(shop.config.data);
const from = { at: performance.now(), left: watch.waiting(), used: processorS() };
const load = await liveLoad(mqtt, shop.secrets, Number(values.live));
const residentMB: number[] = [];
while (!watch.isGone(waiting)) {
  residentMB.push(gateway.residentMB());
  await wait(100);
}
const drainS = (performance.now() - from.at) / 1_000;
const used = processorS();
const presses = await load.stop();
while (watch.waiting() > 0) await wait(50);
watch.close();
await gateway.stop('SIGTERM');
await store.stop('SIGTERM');
await central?.broker.stop('SIGTERM');
const { liveMs, ...arrived } = arrivals(folder, presses);
shop.remove();

const whole = (n: number) => Math.round(n);
const usPerEvent = (which: 'gateway' | 'store') =>
  whole(((used[which] - from.used[which]) * 1e6) / from.left);
process.stdout.write(
  `${JSON.stringify({
    waiting,
    uplinks: values.uplinks,
    startMs: whole(startMs),
    drainPerS: whole(from.left / drainS),
    livePresses: presses.length,
    pubackMs: pubackMs(presses),
    ...(hasHttp && { overtakesMs: spread(liveMs), ...arrived }),
    gatewayMB: Math.max(...residentMB),
    gatewayUsPerEvent: usPerEvent('gateway'),
    storeUsPerEvent: usPerEvent('store'),
    ...machine(),
  })}\n`,
);

/** Of each process until now. */
function processorS() {
  return { gateway: gateway.processorS(), store: store.processorS() };
}
