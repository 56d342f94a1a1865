import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GatewayAddress } from '../../../gateway/radio/gateway-address.ts';
import { gatewayLink } from '../../../gateway/radio/gateway-link.ts';
import { type Receiver, startReceiver } from '../../../gateway/radio/receiver.ts';
import { until } from '../../support/until.ts';
import { type ShopBroker, shopBroker } from './shop-broker.ts';

/** Service data 0xFCD2 as a BTHome device sends it, with a count (object 0x3D) that tells it from others. */
const bthome = (i: number) => Buffer.from(`0201060716d2fc403d${i.toString(16).padStart(4, '0')}`, 'hex');
const STRANGER = Buffer.from('02011a020a0c0aff4c001005441cbd08c5', 'hex');
const OURS = 'a4:c1:38:8d:18:b2';
const address = (i: number) => `7e:57:${i.toString(16).padStart(8, '0').match(/../g)?.join(':')}`;

let broker: ShopBroker;
let receiver: Receiver | undefined;
let logged: string[];
beforeEach(async () => {
  broker = await shopBroker();
  logged = [];
});
afterEach(async () => {
  await receiver?.close();
  receiver = undefined;
  await broker.close();
});

function start(options: { crowdWindowMs?: number; gateway?: Partial<GatewayAddress> } = {}): Receiver {
  const write = (text: string) => void logged.push(text);
  const log = { info: write, warn: write, error: write };
  const gateway = { url: broker.url, credentialFile: broker.credentialFile, ...options.gateway };
  const started = startReceiver({
    link: (events) => gatewayLink('r1', gateway, events, { log, random: () => 0.05 }),
    log,
    now: () => performance.now(),
    randomBytes,
    ...(options.crowdWindowMs && { crowdWindowMs: options.crowdWindowMs }),
  });
  receiver = started;
  return started;
}

const hear = (to: Receiver, data: Uint8Array, from = OURS, rssi: number | null = -60) =>
  to.heard({ address: from, addressType: 'random', rssi, data }, performance.now());

async function listening(options: Parameters<typeof start>[0] = {}): Promise<Receiver> {
  broker.sendFrames('{"accept":["bthome"]}');
  const started = start(options);
  await until(() => logged.some((line) => line.includes('list of frames has 1')), 'the list of frames');
  return started;
}

describe('a receiver', () => {
  it('sends nothing of what it hears before the gateway’s list, and only what is listed after', async () => {
    const started = start({ crowdWindowMs: 100 });
    await until(() => broker.states().includes('online'), 'the connection');
    hear(started, bthome(1));
    hear(started, STRANGER, address(1));
    broker.sendFrames('{"accept":["bthome"]}');
    await until(() => logged.some((line) => line.includes('list of frames')), 'the list of frames');
    hear(started, bthome(2));
    hear(started, STRANGER, address(2), -80);
    await until(() => broker.messages().length > 0 && broker.crowds().length > 0, 'frames and a count');
    const frames = broker.messages().flatMap((message) => message.frames);
    expect(frames).toEqual([
      {
        address: OURS,
        addressType: 'random',
        rssi: -60,
        data: bthome(2).toString('hex'),
        ageMs: expect.any(Number),
      },
    ]);
    expect(broker.crowds()[0]).toMatchObject({ windowS: 1, near: 0, far: 1 });
  });

  it('numbers its messages and names its start, and puts at most 100 frames in one', async () => {
    const started = await listening();
    for (let i = 0; i < 730; i += 1) hear(started, bthome(i));
    await until(() => broker.messages().flatMap(({ frames }) => frames).length === 730, 'all frames');
    const messages = broker.messages();
    expect(messages.every(({ frames }) => frames.length <= 100)).toBe(true);
    expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, i) => i + 1));
    expect(new Set(messages.map(({ boot }) => boot)).size).toBe(1);
    expect(messages[0]?.boot).toMatch(/^[0-9a-f]{8}$/);
    expect(messages.flatMap(({ frames }) => frames.map(({ data }) => data))).toEqual(
      Array.from({ length: 730 }, (_, i) => bthome(i).toString('hex')),
    );
  });

  it('R1: lets no stranger’s address, payload or bytes into a message or the log', async () => {
    const started = await listening({ crowdWindowMs: 200 });
    for (let i = 0; i < 5_000; i += 1) hear(started, STRANGER, address(i), i % 2 ? -60 : -90);
    hear(started, bthome(1));
    broker.cut();
    await until(() => broker.crowds().length > 0 && broker.messages().length > 0, 'a count and a frame');
    await started.close();
    const said = JSON.stringify([broker.published, logged]).toLowerCase();
    for (const mark of ['7e:57', '7e57', '577e', STRANGER.toString('hex'), STRANGER.toString('base64')]) {
      expect(said).not.toContain(mark.toLowerCase());
    }
    expect(said).toContain(OURS);
    const { near, far } = broker.crowds()[0] ?? { near: 0, far: 0 };
    expect([near, far]).toEqual([expect.any(Number), expect.any(Number)]);
    expect(near + far).toBeGreaterThan(4_900);
    expect(near + far).toBeLessThanOrEqual(5_000);
  });

  it('keeps what was not acknowledged and sends it again under the same number', async () => {
    const started = await listening();
    broker.withhold(['advertisements']);
    hear(started, bthome(1));
    await until(() => broker.messages().length === 1, 'the first attempt');
    broker.withhold([]);
    broker.cut();
    await until(() => broker.messages().length === 2, 'the second attempt');
    const [first, second] = broker.messages();
    expect(second?.seq).toBe(first?.seq);
    expect(second?.frames[0]?.data).toBe(first?.frames[0]?.data);
    expect(second?.frames[0]?.ageMs).toBeGreaterThan(first?.frames[0]?.ageMs ?? 0);
    await until(() => started.counters().acked === 1, 'the acknowledgement');
    expect(started.counters()).toEqual({ sent: 1, acked: 1, dropped: 0 });
  });

  it('keeps what it hears while the gateway is away, drops the oldest of too much, and says so', async () => {
    const started = await listening();
    broker.cut(true);
    await until(() => logged.some((line) => line.includes('no connection to the gateway')), 'the loss');
    for (let i = 0; i < 10_500; i += 1)
      started.heard(
        { address: OURS, addressType: 'random', rssi: -60, data: bthome(i % 4000) },
        performance.now() + i,
      );
    broker.accept();
    await until(() => broker.messages().flatMap(({ frames }) => frames).length === 10_000, 'the backlog');
    expect(broker.messages()[0]?.frames[0]?.data).toBe(bthome(500).toString('hex'));
    expect(logged).toContain('500 frames were dropped while the gateway was away');
  });

  it('sends a frame on when it is alone, without waiting for others', async () => {
    const started = await listening();
    hear(started, bthome(1));
    await until(() => broker.messages().length === 1, 'the frame');
    hear(started, bthome(2));
    await until(() => broker.messages().length === 2, 'the next frame');
  });

  it('passes a repeated frame on twice a second', async () => {
    const started = await listening();
    for (let at = 0; at < 1000; at += 20) {
      started.heard(
        { address: OURS, addressType: 'random', rssi: -60, data: bthome(1) },
        performance.now() - 1000 + at,
      );
    }
    const frames = () => broker.messages().flatMap((message) => message.frames);
    await until(() => frames().length > 1, 'the frames');
    expect(frames()).toHaveLength(2);
  });
});

describe('a receiver’s state', () => {
  it('is online while it is connected, offline by its will when it is cut off, and when it goes', async () => {
    const started = start();
    await until(() => broker.states().length === 1, 'online');
    broker.cut();
    await until(() => broker.states().length === 3, 'the will and the return');
    await started.close();
    expect(broker.states()).toEqual(['online', 'offline', 'online', 'offline']);
    expect(
      broker.published.filter(({ topic }) => topic.endsWith('/state')).every(({ retain }) => retain),
    ).toBe(true);
  });

  it('is offline while its radio does not work', async () => {
    const started = start();
    await until(() => broker.states().length === 1, 'online');
    started.radio({ kind: 'off' });
    started.radio({ kind: 'failed', why: 'gone' });
    started.radio({ kind: 'starting' });
    started.radio({ kind: 'scanning' });
    await until(() => broker.states().length === 3, 'the changes');
    expect(broker.states()).toEqual(['online', 'offline', 'online']);
  });

  it('is told in full at each change, and again after each connection', async () => {
    const started = start();
    await until(() => broker.radios().length === 1, 'the radio’s state');
    for (const kind of ['scanning', 'scanning', 'silent'] as const) started.radio({ kind });
    started.radio({ kind: 'failed', why: 'there is no adapter hci0' });
    await until(() => broker.radios().length === 4, 'the changes');
    broker.cut();
    await until(() => broker.radios().length === 5, 'the state on the next connection');
    const failed = { state: 'failed', reason: 'there is no adapter hci0' };
    expect(broker.radios()).toEqual([
      { state: 'starting' },
      { state: 'scanning' },
      { state: 'silent' },
      failed,
      failed,
    ]);
  });

  it('does not keep the process when the gateway no longer answers', async () => {
    const started = await listening();
    broker.withhold(['advertisements', 'state']);
    hear(started, bthome(1));
    await until(() => broker.messages().length === 1, 'the message');
    await started.close();
  });
});

describe('a receiver that cannot connect', () => {
  const problem = async (gateway: Partial<GatewayAddress>) => {
    start({ gateway });
    await until(() => logged.length > 0, 'a line on the log');
    // Long enough for several attempts, which are not worth a line each.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(logged).toHaveLength(1);
    return logged[0];
  };

  it('says which file holds the secret that was refused, and never the secret', async () => {
    writeFileSync(broker.credentialFile, 'wr0ng');
    const line = await problem({});
    expect(line).toContain(`refuses r1 with the secret in ${broker.credentialFile}`);
    expect(line).not.toContain('wr0ng');
  });

  it('says that the file is not there, is empty, or can be read by everybody', async () => {
    expect(await problem({ credentialFile: '/nowhere/secret' })).toContain(
      "ENOENT: no such file or directory, open '/nowhere/secret'",
    );
    await receiver?.close();
    logged.length = 0;
    writeFileSync(broker.credentialFile, '\n');
    expect(await problem({})).toContain('is empty');
    await receiver?.close();
    logged.length = 0;
    writeFileSync(broker.credentialFile, 's3cret');
    chmodSync(broker.credentialFile, 0o644);
    expect(await problem({})).toContain('everybody can read');
  });

  it('says that nobody listens, and comes as soon as somebody does', async () => {
    broker.cut(true);
    expect(await problem({})).toContain('no connection to the gateway at 127.0.0.1:');
    broker.accept();
    await until(() => broker.states().includes('online'), 'the connection');
  });
});
