import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import mqtt, { type MqttClient } from 'mqtt';
import { agreed } from '../support/agreed.ts';
import { openShop } from '../support/shop.ts';
import { inspectHeap } from './live-heap.ts';

/*
 * A gateway with little memory under a shop's load, for long (F30):
 *
 *   npx tsx test/bench/soak.ts [--minutes 30] [--heap-mib 128]
 *
 * Four buttons, a shelf, an app and a receiver that passes on ever new addresses publish some 100 messages a
 * second; every fifth minute the profile store is away for a minute. Its resident memory is read every ten
 * seconds, and each minute what its heap holds once its garbage is collected: resident memory goes up and down
 * with the engine's habits, what is held does so only where something is kept. Each minute's on stderr, one line
 * at the end; exit 1 where something is lost, doubled, or what is held grows.
 */

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, 'heap-mib': { type: 'string', default: '128' } },
});
const minutes = Number(values.minutes);
const BUTTONS = ['b1', 'b2', 'b3', 'b4'];
const UUID = 'f7826da6-4fa2-4e98-8024-bc5b71e0893e';
const TOKENS = Array.from({ length: 20 }, () => randomBytes(16).toString('hex'));
/** What a growth may be, MiB an hour, after the first fifth of the time. */
const GROWTH_MIB_PER_HOUR = 10;

const YAML = `
store: {id: test-soak, gateway: g1, timezone: UTC, notice: {id: n1, version: "1", languages: [en]}}
mode: identify
map:
  zones: [{id: shoes, polygon: [[0, 0], [5, 0], [5, 5], [0, 5]]}]
  receivers: [{id: r1, position: [1, 1, 2]}]
  beacons: [{id: b7, uuid: ${UUID}, major: 1, minor: 7, zone: shoes}]
  fixtures: [{device: shelf, zone: shoes, slots: [{slot: 0, sku: A, unitGrams: 400, capacity: 12}]}]
devices:
  - {id: app, kind: shopper-app}
  - {id: r1, kind: receiver}
  - {id: shelf, kind: connected-shelf, zone: shoes}
${BUTTONS.map((id) => `  - {id: ${id}, kind: smart-button, zone: shoes}`).join('\n')}
`;

const shop = await openShop(YAML);
const secrets = new Map(['app', 'r1', 'shelf', ...BUTTONS].map((id) => [id, shop.addDevice(id)]));
const records = TOKENS.map((token, i) => ({
  ...agreed([{ kind: 'app', token }]),
  recordId: `c${i}`,
  subjectRef: `p_${i}`,
}));
const issuedAt = new Date().toISOString();
const list = { storeId: 'test-soak', list: 'full', version: 1, issuedAt, records };
await shop.ask('/downlink', { kind: 'consents', payload: list });
process.env.NODE_OPTIONS = `--max-old-space-size=${values['heap-mib']} --inspect=127.0.0.1:0`;
const gateway = await shop.start();
const heap = await inspectHeap(gateway.log());

const acknowledged = { messages: 0, presses: 0 };
const samples: { atS: number; rssMib: number }[] = [];
const held: { atS: number; mib: number }[] = [];
const startedAt = performance.now();
const elapsedS = () => (performance.now() - startedAt) / 1000;
const isOver = () => elapsedS() >= minutes * 60;

await Promise.all([
  ...BUTTONS.map(pressing),
  weighing(),
  reporting(),
  hearing(),
  absences(),
  sampling(),
  collecting(),
]);
shop.profiles.faults.away = false;
await drained();
const stats = (await shop.ask('/stats')) as {
  received: number;
  duplicates: number;
  doubledEffects: number;
  presses: number;
  sequences: { missing: unknown[] }[];
};
heap.close();
const exitCode = await gateway.kill('SIGTERM');
await shop.close();
report();

async function connect(device: string, clientId = device): Promise<MqttClient> {
  const login = { clientId, username: device, password: secrets.get(device) ?? '' };
  return await mqtt.connectAsync(`mqtt://127.0.0.1:${gateway.mqtt}`, { ...login, protocolVersion: 4 });
}

/** Publishes one message after another until time is up. */
async function publishing(
  client: MqttClient,
  topic: string,
  everyMs: number,
  payload: (seq: number) => object,
) {
  const boot = randomBytes(4).toString('hex');
  for (let seq = 1; !isOver(); seq += 1) {
    await client.publishAsync(topic, JSON.stringify({ boot, seq, ...payload(seq) }), { qos: 1 });
    acknowledged.messages += 1;
    if (topic.endsWith('pressed')) acknowledged.presses += 1;
    await wait(everyMs);
  }
  await client.endAsync();
}

async function pressing(id: string): Promise<void> {
  await publishing(await connect(id), `devices/${id}/pressed`, 40, () => ({ button: 1, press: 'press' }));
}

async function weighing(): Promise<void> {
  const grams = (seq: number) => ({
    slots: [{ slot: 0, g: 4800 - 400 * (Math.floor(seq / 40) % 10), ok: true }],
  });
  await publishing(await connect('shelf'), 'devices/shelf/weight', 100, grams);
}

async function reporting(): Promise<void> {
  const heard = () => ({
    token: TOKENS[randomInt(TOKENS.length)],
    beacons: [{ uuid: UUID, major: 1, minor: 7, rssi: -55 - randomInt(20) }],
  });
  await publishing(await connect('app', `app-${randomInt(1e6)}`), 'devices/app/ranged', 200, heard);
}

/** Addresses that nobody has ever heard, as phones draw them: none may leave a trace in memory. */
async function hearing(): Promise<void> {
  const frame = () => ({
    address: randomBytes(6)
      .toString('hex')
      .replace(/(..)(?=.)/g, '$1:'),
    addressType: 'random',
    rssi: -40 - randomInt(50),
    data: `0201061bff4c000215${randomBytes(21).toString('hex')}`,
    ageMs: 0,
  });
  const frames = () => ({ frames: Array.from({ length: 50 }, frame) });
  await publishing(await connect('r1'), 'devices/r1/advertisements', 200, frames);
}

async function absences(): Promise<void> {
  while (!isOver()) {
    shop.profiles.faults.away = Math.floor(elapsedS() / 60) % 5 === 4;
    await wait(1_000);
  }
}

async function sampling(): Promise<void> {
  while (!isOver()) {
    await wait(10_000);
    const [, kib = '0'] = readFileSync(`/proc/${gateway.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/) ?? [];
    samples.push({ atS: Math.round(elapsedS()), rssMib: Math.round(Number(kib) / 1024) });
  }
}

async function collecting(): Promise<void> {
  while (!isOver()) {
    await wait(60_000);
    const mib = await heap.usedMib();
    held.push({ atS: Math.round(elapsedS()), mib });
    process.stderr.write(`${JSON.stringify({ ...held.at(-1), ...samples.at(-1) })}\n`);
  }
}

async function drained(): Promise<void> {
  for (let tries = 0; tries < 120; tries += 1) {
    const { presses } = (await shop.ask('/stats')) as { presses: number };
    if (presses >= acknowledged.presses) return;
    await wait(1_000);
  }
}

/** By least squares, over what comes after the first fifth. */
function growthMibPerHour(readings: readonly { atS: number; mib: number }[]): number {
  const settled = readings.filter(({ atS }) => atS > minutes * 12);
  const meanS = settled.reduce((sum, { atS }) => sum + atS, 0) / settled.length;
  const meanMib = settled.reduce((sum, { mib }) => sum + mib, 0) / settled.length;
  const over = settled.reduce((sum, { atS, mib }) => sum + (atS - meanS) * (mib - meanMib), 0);
  const under = settled.reduce((sum, { atS }) => sum + (atS - meanS) ** 2, 0);
  return Math.round((over / under) * 36_000) / 10;
}

function report(): void {
  const growth = growthMibPerHour(held);
  const missing = stats.sequences.flatMap((one) => one.missing).length;
  const isSound = stats.presses === acknowledged.presses && stats.doubledEffects === 0 && missing === 0;
  const ok = isSound && exitCode === 0 && growth <= GROWTH_MIB_PER_HOUR;
  const line = {
    minutes,
    heapMib: Number(values['heap-mib']),
    acknowledged: acknowledged.messages,
    pressesAcknowledged: acknowledged.presses,
    pressesReceived: stats.presses,
    doubledEffects: stats.doubledEffects,
    undeclaredHoles: missing,
    rssMibFirst: samples[0]?.rssMib,
    rssMibMost: Math.max(...samples.map(({ rssMib }) => rssMib)),
    rssMibLast: samples.at(-1)?.rssMib,
    rssGrowthMibPerHour: growthMibPerHour(samples.map(({ atS, rssMib }) => ({ atS, mib: rssMib }))),
    heldMibFirst: Math.round(held[0]?.mib ?? 0),
    heldMibLast: Math.round(held.at(-1)?.mib ?? 0),
    heldGrowthMibPerHour: growth,
    cores: cpus().length,
    node: process.version,
    ok,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  process.exitCode = ok ? 0 : 1;
}
