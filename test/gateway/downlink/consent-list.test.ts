import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { connectAsync } from 'mqtt';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openProfileStore } from '../../../firmware-sim/profile-store/server.ts';
import type { Pipeline } from '../../../gateway/pipeline/pipeline.ts';
import { centralBroker } from '../../support/central-broker.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';
import { consent, shop } from '../pipeline/shop.ts';
import { command, type InPlaceOfTheGateway, list, listen, type Platform, platform } from './platform.ts';

/** A way from the platform to the gateway: what it says, and the uplink that hears it. */
interface Way {
  uplink: object;
  say(topic: 'consents' | 'commands', jws: string): Promise<unknown>;
}

async function overHttp({ issuerKeyFile }: Platform): Promise<Way> {
  const tokenFile = join(temporaryFolder(), 'token');
  writeFileSync(tokenFile, 't');
  const data = temporaryFolder();
  const profiles = await openProfileStore({ data, token: 't', issuerKeyFile, holdMs: 200 });
  onTestFinished(() => profiles.close());
  const uplink = { kind: 'http', url: profiles.url, tokenFile };
  return { uplink, say: async (_, jws) => profiles.downlink.enqueue(jws) };
}

/** Debian's mosquitto; the platform is a client of it, as `mosquitto_pub` cannot say so much at once. */
async function overMqtt({ jwk }: Platform): Promise<Way> {
  const broker = await centralBroker();
  const { userName, passwordFile } = broker.settings;
  const url = `mqtt://127.0.0.1:${broker.port}`;
  const password = readFileSync(passwordFile, 'utf8');
  const client = await connectAsync(url, { username: userName, password });
  onTestFinished(() => client.endAsync(true));
  const say = (topic: string, jws: string) =>
    client.publishAsync(`stores/s1/gateways/g1/${topic}`, jws, { qos: 1 });
  const uplink = { kind: 'mqtt', url, ...broker.settings };
  // What is said before the first subscription goes nowhere: until something is heard it is not there.
  const introduced = listen(jwk, [uplink]);
  while (!introduced.logged().includes('refused')) {
    await say('commands', 'hello');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await introduced.close();
  return { uplink, say };
}

/** The pipeline in the gateway's place. */
function behind(pipeline: Pipeline): InPlaceOfTheGateway {
  pipeline.accept({ kind: 'tick', at: Date.now(), synchronised: true });
  return {
    inForce: pipeline.recordIds,
    judge: (message) => pipeline.accept({ ...message, at: Date.now() }).refused,
  };
}

const now = (ms = 0) => new Date(Date.now() + ms).toISOString();
const many = (count: number, more?: (n: number) => object) =>
  Array.from({ length: count }, (_, n) => consent(n, { validUntil: '2099-01-01T00:00:00Z', ...more?.(n) }));

describe.each([
  ['HTTP', overHttp],
  ['MQTT', overMqtt],
])('over %s', (_, over) => {
  it('R10, R4: what is forged, replayed, older, foreign, cut off, too large, miscounted, unknown or of the future is refused with a reason, and the last good list stays', async () => {
    const by = await platform();
    const stranger = await platform();
    const { uplink, say } = await over(by);
    const pipeline = shop();
    const gateway = listen(by.jwk, [uplink], undefined, behind(pipeline));
    const signed = (version: number, more: object = {}, from = by) =>
      from.issuer.sign('consents', list(version, { issuedAt: now(), records: many(2), ...more }));
    const good = await signed(5);
    await say('consents', good);
    await until(() => pipeline.list()?.version === 5, 'the good list');

    const [, payload = '', signature = ''] = good.split('.');
    const unsigned = Buffer.from('{"alg":"none","kid":"k","typ":"aisle-consents"}').toString('base64url');
    const odd = (what: object) => [{ ...consent(1), version: 9, ...what }];
    const cases: [string, string, string][] = [
      ['forged', await signed(9, {}, stranger), 'signed by a key that is not in consents.issuerKeys'],
      ['unsigned', `${unsigned}.${payload}.`, 'signed by a key that is not in consents.issuerKeys'],
      ['replayed', good, 'list 5 is not newer than 5, which is in force'],
      ['older', await signed(4), 'list 4 is not newer than 5, which is in force'],
      ['foreign', await signed(9, { storeId: 's2' }), 'the list is for store s2'],
      ['cut off', good.slice(0, -10), 'not a valid signed message'],
      ['changed', `${good.slice(0, -signature.length)}${'A'.repeat(86)}`, 'not a valid signed message'],
      ['too large', `${good}${'A'.repeat(1.5 * 1024 * 1024)}`, 'is over the limit'],
      ['a part too many', await signed(9, { part: 3, parts: 2 }), 'part without its number'],
      ['parts without end', await signed(9, { part: 1, parts: 101 }), 'consent list: parts'],
      ['an unknown state', await signed(9, { records: odd({ state: 'maybe' }) }), 'records.0.state'],
      [
        'an unknown purpose',
        await signed(9, { records: odd({ purposes: ['all'] }) }),
        'records.0.purposes.0',
      ],
      ['of the future', await signed(9, { issuedAt: now(3_600_000) }), 'list 9 is issued in the future'],
    ];
    for (const [, jws] of cases) await say('consents', jws);
    await say('commands', await by.issuer.sign('command', command('after all of them')));
    await until(() => gateway.came.includes('command after all of them'), 'what comes after');

    const refusals = gateway.logged().match(/(?<="reason":").*(?=","msg":"refused)/g) ?? [];
    refusals.splice(0, refusals.length - cases.length);
    for (const [i, [what, , reason]] of cases.entries()) {
      expect(`${what}: ${refusals[i]}`).toContain(reason);
    }
    expect([pipeline.list()?.version, [...pipeline.recordIds()]]).toEqual([5, ['c0', 'c1']]);
  });

  it('a long list comes in slices, each on disk before the next, and is in force with the last', async () => {
    const by = await platform();
    const { uplink, say } = await over(by);
    const pipeline = shop();
    const gateway = listen(by.jwk, [uplink], undefined, behind(pipeline));
    gateway.hold(true);
    const records = many(600, (n) => (n < 60 ? { state: 'withdrawn' } : {}));
    const issuedAt = now();
    const part = (part: number, records: unknown[]) =>
      by.issuer.sign('consents', list(1, { issuedAt, part, parts: 2, records }));
    await say('consents', await part(2, records.slice(300)));
    await say('consents', await part(1, records.slice(0, 300)));
    const slices = [50, 10, 250, 250, 40].map((count) => `slice of 1: 0 left out, ${count} records`);
    slices[4] += ', the last';
    for (let n = 1; n < slices.length; n += 1) {
      await gateway.untilCame(n);
      expect([gateway.came, pipeline.list(), gateway.cursor()]).toEqual([
        slices.slice(0, n),
        undefined,
        undefined,
      ]);
      gateway.hold(false);
      gateway.hold(true);
    }
    gateway.hold(false);
    await until(() => gateway.logged().includes('"kind":"consents"'), 'the list');
    expect([gateway.came, pipeline.list()?.version]).toEqual([slices, 1]);
    expect([...pipeline.recordIds()]).toHaveLength(540);
  });

  it('a long list that was cut short by the gateway’s end comes again', async () => {
    const by = await platform();
    const { uplink, say } = await over(by);
    const pipeline = shop();
    const first = listen(by.jwk, [uplink], undefined, behind(pipeline));
    first.hold(true);
    await say('consents', await by.issuer.sign('consents', list(1, { issuedAt: now(), records: many(600) })));
    await first.untilCame(1);
    first.hold(false);
    first.hold(true);
    await first.untilCame(2);
    await first.close();
    expect([pipeline.list(), first.cursor()]).toEqual([undefined, undefined]);
    const second = listen(by.jwk, [uplink], first.cursor(), behind(pipeline));
    await until(() => pipeline.list()?.version === 1, 'the list');
    expect(second.came).toHaveLength(3);
    expect([...pipeline.recordIds()]).toHaveLength(600);
  });
});

it('slices of two lists, by two uplinks at once, never come between each other', async () => {
  const by = await platform();
  const [one, two] = [await overHttp(by), await overHttp(by)];
  const gateway = listen(by.jwk, [one.uplink, two.uplink]);
  const sign = (version: number) => by.issuer.sign('consents', list(version, { records: many(900) }));
  await Promise.all([one.say('consents', await sign(1)), two.say('consents', await sign(2))]);
  await gateway.untilCame(8);
  const versions = gateway.came.map((what) => what.slice(0, 10));
  const [first, second] = [versions[0], versions[7]];
  expect(versions).toEqual([first, first, first, first, second, second, second, second]);
  expect(first).not.toBe(second);
});

it('the cursor of a long list that is refused is kept: it is not asked for for ever', async () => {
  const by = await platform();
  const { uplink, say } = await overHttp(by);
  const gateway = listen(by.jwk, [uplink], undefined, { judge: () => 'list 1 is not newer than 1' });
  await say('consents', await by.issuer.sign('consents', list(1, { records: many(600) })));
  await until(() => gateway.cursor() !== undefined, 'the cursor');
  expect(gateway.came).toEqual(['slice of 1: 0 left out, 250 records', 'slice of 1: 0 left out, 0 records']);
  expect(gateway.logged().match(/refused from/g)).toHaveLength(1);
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

it('where the reading thread ends, the log says so, another one starts, and all that it had is asked for again', async () => {
  const by = await platform();
  const part = async (part: number) =>
    by.issuer.sign(
      'consents',
      list(1, { part, parts: 2, records: many(1, () => ({ recordId: `part ${part}` })) }),
    );
  const asked: string[] = [];
  let isFull = false;
  // Short as it is, what is wrong with it takes more memory than the thread has.
  const tooMuch = await by.issuer.sign('consents', list(1, { records: new Array(20_000).fill({}) }));
  const [one, two] = [await part(1), await part(2)];
  const url = await serve((request, response) => {
    const after = new URL(request.url ?? '', 'http://x').searchParams.get('after') ?? '';
    asked.push(after);
    if (after === '0') return response.end(JSON.stringify({ cursor: 1, messages: [one] }));
    if (after !== '1') return void setTimeout(() => response.end(), 200);
    if (isFull) return response.end(JSON.stringify({ cursor: 2, messages: [two] }));
    isFull = true;
    response.end(JSON.stringify({ cursor: 2, messages: [tooMuch] }));
  });
  const gateway = listen(by.jwk, [{ kind: 'http', url }], undefined, { memory: 48 });
  await gateway.untilCame(1);
  expect(gateway.logged()).toContain('ERR_WORKER_OUT_OF_MEMORY');
  expect(gateway.came).toEqual(['list 1']);
  // The first part went with the thread.
  expect(asked.slice(0, 4)).toEqual(['0', '1', '0', '1']);
});

it('an answer over the limit is refused, not read', async () => {
  const by = await platform();
  const url = await serve((_, response) => {
    Readable.from(new Array(161).fill(Buffer.alloc(1024 * 1024, ' '))).pipe(response);
  });
  const gateway = listen(by.jwk, [{ kind: 'http', url }]);
  await until(() => gateway.logged().includes('an answer of more than 160 MiB'), 'the refusal');
});
