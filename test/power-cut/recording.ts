import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { StoredEvent } from '../../firmware-sim/profile-store/store.ts';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { agreed } from '../support/agreed.ts';
import { BEACON, buttonShop } from '../support/button-shop.ts';
import type { Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { button, type Sent } from './buttons.ts';
import { acknowledgements, answers, type Heard } from './heard.ts';
import { type Image, isMemory, readSteps, type Story } from './steps.ts';
import { readCalls } from './trace.ts';
import { startTraced, type TracedGateway } from './traced-gateway.ts';

const BUTTONS = ['b1', 'b2', 'b3', 'b4'];
const SHOPPERS = [0, 1];

export const YAML = buttonShop(BUTTONS, 'retention: {ballastMiB: 1}\n');

/** What was done to the data folder, what was acknowledged meanwhile, and what the profile store has of it. */
export interface Recording extends Story {
  acknowledged: Heard[];
  /** Messages that were sent. */
  sent: number;
  /** The subject whose erasure was answered, from that line on. */
  erased: Heard[];
  committed: StoredEvent[];
  /** The folder's files as they lie there at the end. */
  left: Image;
}

export interface Run {
  tree: string;
  /** Presses of all buttons together on the first day; on the second, where there is one, half as many. */
  presses: number;
  days: 1 | 2;
  /** @see Tracing */
  inject?: string | undefined;
}

/**
 * A working day or two, the gateway's start and end included: shoppers walk, the profile store is away and
 * comes back, one shopper has their data erased, and buttons are pressed all the while.
 */
export async function record(shop: Shop, { tree, presses, days, inject }: Run): Promise<Recording> {
  const config = readConfig(shop.config);
  const secrets = BUTTONS.map((id) => addDevice(config, id, Date.now()).secret);
  const base = imageOf(config.data);
  const trace = join(shop.folder, 'trace');
  const issuedAt = new Date().toISOString();
  const records = SHOPPERS.map((n) =>
    agreed([{ kind: 'app', token: tokenOf(n) }], { recordId: `c${n}`, subjectRef: refOf(n) }),
  );
  const payload = { storeId: 's1', list: 'full', version: 1, issuedAt, records };
  await shop.ask('/downlink', { kind: 'consents', payload });

  const sent: Sent = new Map();
  const brokers = new Set<number>();
  const doors = new Set<number>();
  async function day(
    boot: string,
    work: (gateway: TracedGateway, press: (times: number) => Promise<void>) => Promise<void>,
  ) {
    const gateway = await startTraced({ tree, config: shop.config, trace, inject });
    try {
      brokers.add(gateway.mqtt);
      doors.add(gateway.http);
      const opened = { port: gateway.mqtt, sent };
      const all = await Promise.all(
        BUTTONS.map((id, i) => button({ id, secret: secrets[i] ?? '', boot, qos: i === 0 ? 2 : 1 }, opened)),
      );
      const press = async (times: number) => {
        await Promise.all(all.map((one) => one.press(Math.ceil(times / all.length))));
      };
      await Promise.race([work(gateway, press), tooLate()]);
      await Promise.all(all.map((one) => one.leave()));
    } finally {
      await gateway.end();
    }
  }

  await day('monday', async (gateway, press) => {
    await until(() => gateway.log().includes('shoppers who agreed are recognised'), 'the consents', 60_000);
    shop.profiles.faults.away = true;
    for (const n of SHOPPERS) await walk(gateway, n);
    await press(presses * 0.2);
    await Promise.all([press(presses * 0.2), erase(shop, gateway, 0)]);
    shop.profiles.faults.away = false;
    await press(presses * 0.6);
  });
  if (days > 1) {
    await day('tuesday', async (gateway, press) => {
      await Promise.all([press(presses * 0.5), walk(gateway, 1)]);
    });
  }

  const story = readSteps(readCalls(trace), config.data, base);
  return {
    ...story,
    sent: sent.size,
    acknowledged: acknowledgements(story.steps, brokers, sent),
    erased: answers(story.steps, doors, 'certificate').map((line) => ({ line, what: refOf(0) })),
    committed: shop.profiles.store.events(0, Number.MAX_SAFE_INTEGER),
    left: imageOf(config.data),
  };
}

/** Longer than any day's work, ms: a gateway that stopped answering must not outlive the test. */
const LATE = 120_000;

async function tooLate(): Promise<never> {
  await wait(LATE, undefined, { ref: false });
  throw new Error(`the work was not done after ${LATE} ms`);
}

const tokenOf = (n: number) => (0xabc0 + n).toString(16).padStart(32, 'e');
const refOf = (n: number) => `shopper-reference-${n}`;

async function walk({ http }: TracedGateway, n: number): Promise<void> {
  const beacons = [{ ...BEACON, rssi: -60 }];
  const body = JSON.stringify({ token: tokenOf(n), beacons });
  const answer = await fetch(`http://127.0.0.1:${http}/api/app/ranged`, { method: 'POST', body });
  if (answer.status !== 204) throw new Error(`the walk was answered with ${answer.status}`);
}

async function erase(shop: Shop, { http }: TracedGateway, n: number): Promise<void> {
  const token = readFileSync(join(shop.folder, 'data/dashboard.token'), 'utf8');
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://127.0.0.1:${http}/subjects/${refOf(n)}`, { method: 'DELETE', headers });
  if (!(await answer.text()).includes('certificate')) throw new Error(`no erasure: ${answer.status}`);
}

function imageOf(folder: string): Image {
  const names = readdirSync(folder).filter((name) => !isMemory(name));
  return new Map(names.sort().map((name) => [name, readFileSync(join(folder, name))]));
}
