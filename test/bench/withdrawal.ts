import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { CompactSign, exportJWK, generateKeyPair } from 'jose';
import mqtt from 'mqtt';
import pino from 'pino';
import { addDevices } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import type { StoreEvent } from '../../gateway/pipeline/outcome.ts';
import { openRoad } from '../../gateway/road.ts';
import { machine } from './loaded-shop/shop.ts';

/*
 * How long a withdrawal takes from the platform's answer until it is on disk, while devices publish as
 * fast as they can and a million events wait:
 *
 *   npx tsx test/bench/withdrawal.ts [--tries 1000] [--waiting 1000000] [--devices 20]
 *
 * The gateway is a process of its own. It asks the platform again, with the next cursor, only once what it
 * was told is committed; the time until then is what is measured. One line at the end.
 */

const { values } = parseArgs({
  options: {
    tries: { type: 'string', default: '1000' },
    waiting: { type: 'string', default: '1000000' },
    devices: { type: 'string', default: '20' },
  },
});
const tries = Number(values.tries);
const waiting = Number(values.waiting);
const devices = Array.from({ length: Number(values.devices) }, (_, i) => `button-${i}`);

const folder = mkdtempSync(join(tmpdir(), 'aisle-bench-'));
const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true });
const issuer = { ...(await exportJWK(publicKey)), kid: 'test-issuer' };

const signed = (payload: unknown) =>
  new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'EdDSA', kid: 'test-issuer', typ: 'aisle-consents' })
    .sign(privateKey);

/** The platform: takes no events, answers the long poll with one list after another. */
let asked: ((response: ServerResponse) => void) | undefined;
const held: ServerResponse[] = [];
const platform = createServer((request, response) => {
  if (request.method === 'POST') return void response.writeHead(503).end();
  held.push(response);
  asked?.(response);
});
platform.listen(0, '127.0.0.1');
await once(platform, 'listening');
const { port } = platform.address() as AddressInfo;

const nextQuestion = () =>
  new Promise<ServerResponse>((done) => {
    const waits = held.pop();
    if (waits) return done(waits);
    asked = (response) => {
      held.pop();
      asked = undefined;
      done(response);
    };
  });

const file = join(folder, 'aisle.yaml');
writeFileSync(
  file,
  JSON.stringify({
    store: {
      id: 'test-bench',
      gateway: 'g1',
      timezone: 'UTC',
      notice: { id: 'n1', version: '1', languages: ['en'] },
    },
    mode: 'identify',
    map: {
      zones: [
        {
          id: 'z',
          polygon: [
            [0, 0],
            [9, 0],
            [9, 9],
            [0, 9],
          ],
        },
      ],
    },
    devices: devices.map((id) => ({ id, kind: 'smart-button', zone: 'z' })),
    clock: { source: 'trusted' },
    consents: { issuerKeys: [issuer] },
    inputs: { mqtt: { listen: '127.0.0.1:0' } },
    uplinks: [{ kind: 'http', url: `http://127.0.0.1:${port}` }],
  }),
);

const config = readConfig(file);
const secrets = addDevices(config, devices, Date.now());
await fill();

/** A million events on disk, a hundredth of them of people who will withdraw. */
async function fill(): Promise<void> {
  const closers: (() => unknown)[] = [];
  const { outbox, db } = openRoad(config, { log: pino({ level: 'silent' }) }, closers);
  const at = Date.now();
  const event = (n: number): StoreEvent => {
    const data = { storeId: 'test-bench', deviceId: 'button-0', zoneId: 'z', button: 1, press: 'press' };
    if (n % 100 !== 0) return { name: 'button.pressed', class: 'B', time: at, data };
    const subjectRef = `p${(n / 100) % tries}`;
    const visitId = subjectRef.padStart(32, '0');
    const personal = { storeId: 'test-bench', visitId, zoneId: 'z', subject: { ref: subjectRef } };
    return {
      name: 'zone.entered',
      class: 'B',
      time: at,
      visitId,
      subjectRef,
      purposes: ['location'],
      data: personal,
    };
  };
  for (let n = 0; n < waiting; n += 5_000) {
    const events = Array.from({ length: Math.min(5_000, waiting - n) }, (_, i) => event(n + i));
    db.transaction(() => outbox.store([{ events, purge: [] }], at))();
  }
  for (const closer of closers.reverse()) await closer();
}

const gateway = spawn(
  process.execPath,
  ['--import', 'tsx', resolve(import.meta.dirname, '../../gateway/main.ts'), 'run', '--config', file],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
const startedAt = performance.now();
const broker = await new Promise<number>((done) => {
  gateway.stdout?.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().split('\n')) {
      if (line.includes('"aisle runs"')) done(JSON.parse(line).mqtt.port);
    }
  });
});
const startMs = performance.now() - startedAt;

const record = (n: number, more: object) => ({
  recordId: `c${n}`,
  version: 1,
  subjectRef: `p${n}`,
  purposes: ['recognition', 'location'],
  state: 'given',
  validFrom: '2026-01-01T00:00:00Z',
  noticeVersion: '1',
  stores: ['test-bench'],
  keys: [{ kind: 'app', token: n.toString(16).padStart(32, '0') }],
  ...more,
});
const issuedAt = new Date().toISOString();
const everybody = Array.from({ length: tries }, (_, n) => record(n, {}));
const full = await signed({ storeId: 'test-bench', list: 'full', version: 1, issuedAt, records: everybody });
const changes = await Promise.all(
  everybody.map((_, n) =>
    signed({
      storeId: 'test-bench',
      list: 'change',
      version: n + 2,
      previous: n + 1,
      issuedAt,
      records: [record(n, { version: 2, state: 'withdrawn' })],
    }),
  ),
);

const answer = (response: ServerResponse, cursor: number, message: string) =>
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ cursor, messages: [message] }));
answer(await nextQuestion(), 1, full);
let question = await nextQuestion();

let published = 0;
let stopping = false;
const clients = await Promise.all(secrets.map(({ id, secret }) => publisher(id, secret)));

/** Publishes with five messages on their way at a time. */
async function publisher(id: string, password: string) {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker}`, {
    clientId: id,
    username: id,
    password,
    protocolVersion: 4,
  });
  const flood = async () => {
    while (!stopping) {
      const payload = JSON.stringify({ button: 1, press: 'press' });
      await client.publishAsync(`devices/${id}/pressed`, payload, { qos: 1 });
      published += 1;
    }
  };
  return { client, done: Promise.all([flood(), flood(), flood(), flood(), flood()]) };
}

const times: number[] = [];
const loadFrom = performance.now();
for (const [n, change] of changes.entries()) {
  const sentAt = performance.now();
  answer(question, n + 2, change);
  question = await nextQuestion();
  times.push(performance.now() - sentAt);
}
const loadS = (performance.now() - loadFrom) / 1_000;
stopping = true;
await Promise.all(clients.map(({ done }) => done));
for (const { client } of clients) await client.endAsync(true);
await stop(gateway);
platform.closeAllConnections();
platform.close();
rmSync(folder, { recursive: true });

times.sort((a, b) => a - b);
const at = (share: number) =>
  Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0);
process.stdout.write(
  `${JSON.stringify({
    tries,
    waiting,
    startMs: Math.round(startMs),
    messagesPerS: Math.round(published / loadS),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
    ...machine(),
  })}\n`,
);

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}
