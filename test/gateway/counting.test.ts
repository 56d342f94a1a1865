import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Crowd, crowdWindow } from '../../devices/crowd-window.ts';
import { frameSieve } from '../../devices/frame-sieve.ts';
import { receiver } from '../../devices/receiver.ts';
import { createOccupancy, K, ROUNDING } from '../../gateway/pipeline/context/occupancy.ts';
import { nothingStored } from '../../gateway/pipeline/outcome.ts';
import { createPipeline } from '../../gateway/pipeline/pipeline.ts';
import type { GatewayLink, LinkEvents } from '../../gateway/radio/gateway-link.ts';
import { CROWD_WINDOW_MS, startReceiver } from '../../gateway/radio/receiver.ts';
import {
  advertisement,
  collector,
  consent,
  devicesOf,
  list,
  MINUTE,
  SECOND,
  shopConfig,
  shopMap,
  TEN,
  tick,
} from './pipeline/shop.ts';

/** Strangers from their frames to the number that is told: R2, R3, R18, R19. */

/** An iPhone's own frame, ble_monitor test_ibeacon_parser.py (MIT). */
const PHONES_FRAME = Buffer.from('02011a020a0c0aff4c001005441cbd08c5', 'hex');
const BTHOME = Buffer.from('0201060716d2fc40feca09', 'hex');
const COMMAND = Buffer.from('{"accept":["bthome"]}');
const addressOf = (n: number) => (0x7e57_0000_0000 + n).toString(16).replace(/..(?!$)/g, '$&:');
const heard = (address: string, data: Uint8Array = PHONES_FRAME, rssi: number | null = -60) =>
  ({ address, addressType: 'random', rssi, data }) as const;

/** A receiver at a gateway that takes everything; what it published, the keys that it drew, what it logged. */
function listeningReceiver() {
  const published: { name: string; payload: string }[] = [];
  const drawn: { key: Uint8Array; before: string }[] = [];
  const logged: string[] = [];
  let events: LinkEvents | undefined;
  const log = (text: string) => void logged.push(text);
  const started = startReceiver({
    link(given): GatewayLink {
      events = given;
      return {
        isUp: () => true,
        publish: async (name, payload) => void published.push({ name, payload }),
        close: async () => {},
      };
    },
    log: { info: log, warn: log, error: log },
    now: () => performance.now(),
    randomBytes(count) {
      const key = randomBytes(count);
      drawn.push({ key, before: key.toString('hex') });
      return key;
    },
    crowdWindowMs: 20,
  });
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= started.close());
  onTestFinished(close);
  events?.onUp();
  events?.onCommand('frames', COMMAND);
  return {
    hear: (frame: ReturnType<typeof heard>) => started.heard(frame, performance.now()),
    close,
    published,
    drawn,
    logged,
  };
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('R2: a frame that is on no list', () => {
  it('goes nowhere: nothing is queued, nothing is sent even where the receiver sends all that waits', async () => {
    const { hear, close, published } = listeningReceiver();
    for (let i = 0; i < 1_000; i += 1) hear(heard(addressOf(i)));
    await close();
    expect(published.filter(({ name }) => name === 'advertisements')).toEqual([]);
  });

  it('does not hold one back that is', async () => {
    const { hear, close, published } = listeningReceiver();
    hear(heard(addressOf(1)));
    hear(heard(addressOf(2), BTHOME));
    await close();
    const frames = published.flatMap(({ name, payload }) =>
      name === 'advertisements' ? JSON.parse(payload).frames : [],
    );
    expect(frames).toMatchObject([{ address: addressOf(2), data: BTHOME.toString('hex') }]);
  });
});

/** The 20 bits of an address under a key, made here a second time. */
function bucketOf(key: Uint8Array, address: string): number {
  return createHmac('sha256', key).update(address).digest().readUInt32BE(0) >>> 12;
}

/** Two addresses that a window under this key cannot tell apart. */
function indistinguishable(key: Uint8Array): [string, string] {
  const seen = new Map<number, string>();
  for (let n = 0; ; n += 1) {
    const bucket = bucketOf(key, addressOf(n));
    const other = seen.get(bucket);
    if (other !== undefined) return [other, addressOf(n)];
    seen.set(bucket, addressOf(n));
  }
}

function countUnder(key: Uint8Array, addresses: readonly string[]): Crowd | undefined {
  const window = crowdWindow(Uint8Array.from(key), 0);
  for (const address of addresses) window.heard(address, -60);
  return window.close(MINUTE);
}

describe('R3: what a receiver keeps of a stranger', () => {
  it('is 20 bits of an HMAC under a random key, which two addresses may share', () => {
    const key = randomBytes(32);
    const pair = indistinguishable(key);
    expect(countUnder(key, pair)?.near).toBe(1);
    const another = randomBytes(32);
    const together = bucketOf(another, pair[0]) === bucketOf(another, pair[1]);
    expect(countUnder(another, pair)?.near).toBe(together ? 1 : 2);
  });

  it('is gone with its window, which lasts a minute: five at most are allowed', () => {
    expect(CROWD_WINDOW_MS).toBeLessThanOrEqual(5 * MINUTE);
    const longer = { windowS: 301, near: 1, far: 0 };
    expect(receiver.messages.crowd.schema.safeParse(longer).success).toBe(false);
    const window = crowdWindow(randomBytes(32), 0);
    window.heard(addressOf(1), -60);
    window.close(MINUTE);
    expect(window.close(2 * MINUTE)).toMatchObject({ near: 0, far: 0 });
  });

  it('is bounded: more addresses than there are make no larger a count than can be told', () => {
    const window = crowdWindow(randomBytes(32), 0);
    for (let n = 0; n < 120_000; n += 1) window.heard(addressOf(n), -60);
    expect(window.close(MINUTE)?.near).toBe(100_000);
  });
});

describe('R19: the key under which strangers are counted', () => {
  it('is new at each start: the same two phones look the same to one start and not to another', () => {
    const first = randomBytes(32);
    const pairs = Array.from({ length: 4 }, () => indistinguishable(first));
    const restarted = randomBytes(32);
    // Four times one in a million.
    expect(pairs.some(([a, b]) => bucketOf(restarted, a) !== bucketOf(restarted, b))).toBe(true);
    const drawnBy = () => {
      const drawn: string[] = [];
      const sieve = frameSieve((count) => {
        const key = randomBytes(count);
        drawn.push(key.toString('hex'));
        return key;
      });
      sieve.accept(COMMAND, 0);
      sieve.closeWindow(MINUTE);
      return drawn;
    };
    expect(new Set([...drawnBy(), ...drawnBy()]).size).toBe(4);
  });

  it('is 256 bits, overwritten with its window, and in nothing that a receiver says or logs', async () => {
    const { hear, close, published, drawn, logged } = listeningReceiver();
    for (let i = 0; i < 100; i += 1) hear(heard(addressOf(i)));
    await wait(100);
    await close();
    const keys = drawn.filter(({ key }) => key.length === 32);
    expect(keys.length).toBeGreaterThan(2);
    // All but that of the window that was open at the end.
    expect(keys.slice(0, -1).every(({ key }) => key.every((octet) => octet === 0))).toBe(true);
    const said = JSON.stringify([published, logged]);
    for (const { before } of keys) {
      for (const encoding of ['hex', 'base64', 'base64url', 'latin1'] as const) {
        expect(said).not.toContain(Buffer.from(before, 'hex').toString(encoding));
      }
    }
  });
});

describe('R18: what is told of strangers', () => {
  it('is a multiple of the rounding or nothing, from their frames to the event, and never names anybody', () => {
    const phones = fc.array(
      fc.record({
        n: fc.nat(200),
        receiver: fc.constantFrom('r-shoes', 'r-bags'),
        rssi: fc.option(fc.integer({ min: -100, max: -40 })),
      }),
      { maxLength: 200, size: 'max' },
    );
    fc.assert(
      fc.property(phones, (frames) => {
        const occupancy = createOccupancy(shopMap(), true);
        const sieves = new Map(['r-shoes', 'r-bags'].map((id) => [id, frameSieve(randomBytes)]));
        for (const sieve of sieves.values()) sieve.accept(COMMAND, 0);
        for (const { n, receiver: id, rssi } of frames)
          sieves.get(id)?.heard(heard(addressOf(n), PHONES_FRAME, rssi), 0);
        occupancy.tick(TEN, collector().emit);
        for (const [id, sieve] of sieves) {
          const crowd = sieve.closeWindow(MINUTE);
          if (crowd) occupancy.counted(id, crowd, TEN + MINUTE);
        }
        const { emit, outcome } = collector();
        occupancy.tick(TEN + 5 * MINUTE, emit);
        for (const { data } of outcome.events) expectTold(data, frames);
      }),
      { numRuns: 50 },
    );
  });

  function expectTold(data: Record<string, unknown>, frames: readonly { n: number }[]): void {
    const { count, suppressed } = data;
    expect(suppressed).toBe(count === null);
    if (count !== null) {
      expect(Number.isInteger(count) && Number(count) % ROUNDING === 0 && Number(count) >= K).toBe(true);
    }
    expect(Object.keys(data).sort()).toEqual(
      [
        'count',
        'k',
        'method',
        'rounding',
        'storeId',
        'suppressed',
        'windowEnd',
        'windowStart',
        'zoneId',
      ].sort(),
    );
    const told = JSON.stringify(data);
    for (const { n } of frames) expect(told).not.toContain(addressOf(n).replaceAll(':', ''));
    expect(told).not.toMatch(/([0-9a-f]{2}:){5}/);
  }
});

describe('R19: the key under which the gateway remembers a private address that it tried', () => {
  /** Core Spec vol 3 H, D.7. */
  const IRK = 'ec0234a357c8ad05341010a60a397d9b';
  const asked = shopConfig((config) => ({
    ...config,
    recognise: { ...config.recognise, privateAddress: true },
  }));

  it('is in nothing that is stored or told', () => {
    const written: unknown[] = [];
    const drawn: Buffer[] = [];
    const random = (count: number) => {
      const octets = randomBytes(count);
      drawn.push(octets);
      return octets;
    };
    const pipeline = createPipeline({
      config: asked,
      devices: devicesOf(asked),
      stored: nothingStored,
      random,
    });
    const take = (signal: Parameters<typeof pipeline.accept>[0]) => written.push(pipeline.accept(signal));
    take(tick(TEN));
    take(list(TEN, 1, [consent(1, { keys: [{ kind: 'irk', irk: IRK }] })]));
    for (let n = 0; n < 50; n += 1) {
      const stranger = `4${(n % 16).toString(16)}:00:00:00:00:${(n + 16).toString(16)}`;
      take(advertisement('r-shoes', stranger, PHONES_FRAME.toString('hex'), TEN + n * SECOND));
    }
    take(tick(TEN + 6 * MINUTE));
    const text = JSON.stringify(written);
    expect(text).toContain('c1');
    expect(text).not.toMatch(/4[0-9a-f](:00){4}/);
    const keys = drawn.filter(({ length }) => length === 32);
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) {
      for (const encoding of ['hex', 'base64', 'base64url'] as const)
        expect(text).not.toContain(key.toString(encoding));
    }
  });
});
