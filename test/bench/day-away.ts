import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { passDay } from './loaded-shop/absence.ts';
import { liveLoad, pubackMs } from './loaded-shop/live.ts';
import { watchOutbox } from './loaded-shop/outbox-watch.ts';
import { BUTTONS, loadedShop, machine, newFolder, profileStore, tokenIn } from './loaded-shop/shop.ts';
import { verdictOn } from './loaded-shop/verdict.ts';

/*
 * The profile store is away for a day of the shop's time, at 100 events a second, and comes back:
 *
 *   npx tsx test/bench/day-away.ts [--events 8640000] [--per-second 100] [--live 100]
 *
 * The day passes in minutes, by a clock of its own, on a real disk: the files take some 10 GB in the folder for
 * temporary files (or in AISLE_BENCH_FOLDER). Then a gateway starts as a process of its own and brings all of
 * it to the profile store, while devices go on to press. One line at the end; exit code 1 where anything is
 * lost, doubled or missing.
 */

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '8640000' },
    'per-second': { type: 'string', default: '100' },
    live: { type: 'string', default: '100' },
  },
});
const tell = (text: string) => process.stderr.write(`${text}\n`);

const folder = newFolder();
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const shop = loadedShop(folder, BUTTONS, [{ kind: 'http', url, tokenFile: tokenIn(folder) }]);
const day = { events: Number(values.events), perSecond: Number(values['per-second']) };
const absence = await passDay(shop.config, BUTTONS, day);
tell(`a day is over: ${JSON.stringify({ ...absence, acknowledged: undefined })}`);

const { store } = await profileStore(folder, port);
const { gateway, mqtt, startMs } = await shop.start();
tell(`the gateway runs after ${Math.round(startMs)} ms`);
const watch = watchOutbox(shop.config.data);
const from = { at: performance.now(), left: watch.waiting() };
const load = await liveLoad(mqtt, shop.secrets, Number(values.live));
const residentMB: number[] = [];
const everyMs = Math.min(10_000, day.events / 400);
while (!watch.isGone(day.events)) {
  residentMB.push(gateway.residentMB());
  await wait(everyMs);
}
const drainS = (performance.now() - from.at) / 1_000;
const presses = await load.stop();
while (watch.waiting() > 0) await wait(50);
watch.close();
await gateway.stop('SIGTERM');
await store.stop('SIGTERM');
const verdict = verdictOn(folder, absence.acknowledged);
shop.remove();

const { lost, doubled, holes, broken = [] } = verdict;
process.exitCode = lost + doubled + holes + broken.length > 0 ? 1 : 0;
const { acknowledged: _each, ...stored } = absence;
process.stdout.write(
  `${JSON.stringify({
    events: day.events,
    virtualHours: Math.round(day.events / day.perSecond / 36) / 100,
    ...stored,
    startMs: Math.round(startMs),
    drainPerS: Math.round(from.left / drainS),
    gatewayMB: { first: residentMB[0], most: Math.max(...residentMB), last: residentMB.at(-1) },
    livePresses: presses.length,
    pubackMs: pubackMs(presses),
    ...verdict,
    ...machine(),
  })}\n`,
);
