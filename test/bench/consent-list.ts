import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CompactSign, exportJWK, generateKeyPair, type JWK } from 'jose';
import pino from 'pino';
import { parseConfig } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/gateway.ts';

/*
 * How long a signed list of 100,000 records takes until it is in force, and for how long the gateway's
 * loop stands still meanwhile:
 *
 *   npx tsx test/bench/consent-list.ts [--records 100000] [--verbose]
 *
 * The whole gateway on a real database file; the platform is a process of its own that answers a real
 * long poll: first with the list in parts of 1 MiB, then with one that leaves out and withdraws some. One
 * line for each.
 */

/** Octets of a part's payload. */
const PART = 1024 * 1024;
/** Of the second list, records withdrawn, and records not named. */
const WITHDRAWN = 1_000;
const LEFT_OUT = 1_000;
/** ms. */
const LOOK_EVERY = 1;

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '100000' },
    verbose: { type: 'boolean', default: false },
    platform: { type: 'boolean', default: false },
  },
});
const count = Number(values.records);
if (values.platform) await platform();
else await measure();

interface Introduction {
  url: string;
  jwk: JWK;
  octets: number;
  parts: number;
}

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'aisle-'));
  const child = fork(fileURLToPath(import.meta.url), ['--platform', '--records', `${count}`]);
  try {
    const [{ url, jwk, octets, parts }] = (await once(child, 'message')) as [Introduction];
    const log = listener();
    const config = parseConfig(configuration(url, jwk, folder), 'aisle.yaml');
    const gateway = await startGateway({ config, log: log.logger });
    await turn();
    for (const what of ['first', 'second'] as const) {
      const loop = watchLoop();
      const startedAt = performance.now();
      child.send(what);
      await log.taken();
      const inForceS = (performance.now() - startedAt) / 1000;
      const line = { list: what, records: count, parts, octets, inForceS: rounded(inForceS), ...loop.stop() };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    }
    await gateway.close();
  } finally {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

function configuration(url: string, jwk: JWK, folder: string): string {
  return `store: {id: s1, gateway: g1, timezone: Europe/Paris, notice: {id: n1, version: "3", languages: [fr]}}
mode: identify
map: {zones: [{id: z, name: Z, kind: shelves, polygon: [[0, 0], [9, 0], [9, 9], [0, 9]]}]}
clock: {source: trusted}
data: ${folder}
inputs: {mqtt: {listen: "127.0.0.1:0"}}
consents: {issuerKeys: [${JSON.stringify(jwk)}]}
uplinks: [{kind: http, url: "${url}"}]
`;
}

/** A log of which one line matters: a list was taken. */
function listener() {
  let taken = () => {};
  const write = (line: string) => {
    if (values.verbose) process.stderr.write(line);
    if (line.includes('"kind":"consents"')) taken();
    if (line.includes('refused')) throw new Error(line);
  };
  return {
    logger: pino({ base: null }, { write }),
    taken: () => new Promise<void>((resolve) => (taken = resolve)),
  };
}

/**
 * The loop's longest stand-still: by the timers' delay, and by a chain of immediates. `own…` leaves out how
 * long the thread waited for a core that somebody else had.
 */
function watchLoop() {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const gaps: number[] = [];
  const own: number[] = [];
  const pauses: number[] = [];
  const collections = new PerformanceObserver((list) => {
    pauses.push(...list.getEntries().map(({ duration }) => duration));
  });
  const schedule = threadSchedule();
  const begun = schedule.read();
  let before = { at: performance.now(), ...begun };
  let isOn = true;
  const look = () => {
    if (!isOn) return;
    setImmediate(look);
    // Not more often, as looking takes time too: gaps are told too long by this at most.
    if (performance.now() - before.at < LOOK_EVERY) return;
    const now = { at: performance.now(), ...schedule.read() };
    gaps.push(now.at - before.at);
    own.push(now.at - before.at - (now.waitedMs - before.waitedMs));
    before = now;
  };
  collections.observe({ entryTypes: ['gc'] });
  delay.enable();
  look();
  return {
    stop() {
      isOn = false;
      delay.disable();
      collections.disconnect();
      schedule.close();
      const over = (ms: number) => own.filter((gap) => gap > ms).length;
      return {
        waitedForCoreS: rounded((before.waitedMs - begun.waitedMs) / 1000),
        // It counts the ms of its own timer.
        delayMs: rounded(delay.max / 1e6 - 1),
        gapMs: rounded(longest(gaps)),
        ownGapMs: rounded(longest(own)),
        ownOver10: over(10),
        ownOver20: over(20),
        longestGcMs: rounded(longest(pauses)),
        rssMiB: Math.round(process.memoryUsage.rss() / 1024 / 1024),
      };
    },
  };
}

function longest(times: readonly number[]): number {
  return times.reduce((most, time) => Math.max(most, time), 0);
}

/** How long this thread was ready to run and had no core (Linux, Documentation/scheduler/sched-stats). */
function threadSchedule() {
  const file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  const text = Buffer.alloc(64);
  return {
    read() {
      const octets = readSync(file, text, 0, text.length, 0);
      const [, waitedNs = '0'] = text.toString('latin1', 0, octets).split(' ');
      return { waitedMs: Number(waitedNs) / 1e6 };
    },
    close: () => closeSync(file),
  };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** The platform's side: builds and signs both lists, and answers each long poll once it is told to. */
async function platform(): Promise<void> {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'issuer-1' };
  const records = Array.from({ length: count }, (_, n) => record(n));
  const gone = records.slice(0, WITHDRAWN).map((one) => ({ ...one, version: 2, state: 'withdrawn' }));
  const first = await signed(1, records, privateKey);
  const second = await signed(2, [...gone, ...records.slice(WITHDRAWN + LEFT_OUT)], privateKey);
  const answers = [answer('1', first), answer('2', second)];

  let waiting: ServerResponse | undefined;
  let ready = 0;
  const give = () => {
    if (!waiting || ready === 0) return;
    ready -= 1;
    waiting.end(answers.shift());
    waiting = undefined;
  };
  const server = createServer((request, response) => {
    request.resume();
    if (request.method !== 'GET') return void request.on('end', () => response.end());
    waiting = response;
    give();
  });
  process.on('message', () => {
    ready += 1;
    give();
  });
  process.on('disconnect', () => process.exit());
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as { port: number };
    const octets = first.reduce((sum, jws) => sum + jws.length, 0);
    process.send?.({ url: `http://127.0.0.1:${port}`, jwk, octets, parts: first.length });
  });
}

function answer(cursor: string, messages: string[]): Buffer {
  return Buffer.from(JSON.stringify({ cursor, messages }));
}

/** A member with the app and a tag. */
function record(n: number) {
  const hex = (what: string, octets: number) =>
    createHash('sha256')
      .update(`${what} ${n}`)
      .digest('hex')
      .slice(0, octets * 2);
  return {
    recordId: `consent-${hex('record', 10)}`,
    version: 1,
    subjectRef: `member-${hex('subject', 10)}`,
    purposes: ['recognition', 'location', 'interaction'].slice(0, 1 + (n % 3)),
    state: n % 4 === 0 ? 'renewed' : 'given',
    validFrom: '2026-01-01T00:00:00Z',
    validUntil: '2099-06-01T00:00:00Z',
    noticeId: 'n1',
    noticeVersion: '3',
    language: 'fr',
    method: 'app',
    stores: ['s1'],
    keys: [
      { kind: 'app', token: hex('token', 16) },
      { kind: 'eid', identityKey: hex('tag', 16), exponent: 10, offset: -(1_700_000_000 + n) },
    ],
  };
}

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

async function signed(version: number, records: readonly object[], key: Key): Promise<string[]> {
  const payloads = inParts(records);
  const head = { storeId: 's1', list: 'full', version, issuedAt: new Date().toISOString() };
  const jws: string[] = [];
  for (const [i, part] of payloads.entries()) {
    const payload = { ...head, part: i + 1, parts: payloads.length, records: part };
    jws.push(
      await new CompactSign(Buffer.from(JSON.stringify(payload)))
        .setProtectedHeader({ alg: 'EdDSA', kid: 'issuer-1', typ: 'aisle-consents' })
        .sign(key),
    );
  }
  return jws;
}

/** As many records in each part as its octets hold, with room for the head. */
function inParts(records: readonly object[]): object[][] {
  const parts: object[][] = [];
  let length = PART;
  for (const one of records) {
    const octets = JSON.stringify(one).length + 1;
    if (length + octets > PART - 512) {
      parts.push([]);
      length = 0;
    }
    parts.at(-1)?.push(one);
    length += octets;
  }
  return parts;
}
