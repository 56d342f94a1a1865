import { readFileSync, writeFileSync } from 'node:fs';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/gateway.ts';
import { committedAt, waitingIn } from '../support/book.ts';
import { anonymousShop } from '../support/button-shop.ts';
import { foreignReceiver } from '../support/foreign-receiver.ts';
import { launchGateway } from '../support/gateway-process.ts';
import { judge, type LedgerEvent } from '../support/ledger.ts';
import { connected, publish } from '../support/raw-mqtt.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/* One backlog goes through all of these starts; each finds it as the first one left it. */

const SHOP = anonymousShop(['b1', 'b2']);
const PRESSES = 30;

let shop: Shop;
let yaml: string;
let secrets: Record<'b1' | 'b2', Buffer>;
const acknowledged = new Set<string>();
const elsewhere: LedgerEvent[] = [];
const presses = () => waitingIn(shop.config).filter(({ type }) => type === 'aisle.button.pressed.v1');

async function press(port: number, id: 'b1' | 'b2', seq: number): Promise<void> {
  const button = await connected(port, id, { password: secrets[id] });
  button.send(publish(`devices/${id}/pressed`, { boot: 'b1', seq, button: 1, press: 'press' }));
  await button.next('puback');
  button.socket.destroy();
  acknowledged.add(`${id}/b1/${seq}`);
}

/** Runs a gateway in this process on a changed configuration, as long as `meanwhile` takes. */
async function ranWith(change: (yaml: string) => string, meanwhile: (port: number) => Promise<void>) {
  writeFileSync(shop.config, change(yaml));
  const gateway = await startGateway({ config: readConfig(shop.config), log: pino({ level: 'silent' }) });
  await meanwhile(gateway.mqtt.port).finally(() => gateway.close());
  writeFileSync(shop.config, yaml);
}

let backlog: LedgerEvent[];

beforeAll(async () => {
  shop = await openShop(SHOP);
  yaml = readFileSync(shop.config, 'utf8');
  const config = readConfig(shop.config);
  const secretOf = (id: string) => Buffer.from(addDevice(config, id, 0).secret);
  secrets = { b1: secretOf('b1'), b2: secretOf('b2') };
  shop.profiles.faults.away = true;
});
afterAll(() => shop.close());

describe('F28, P10: with a backlog', { timeout: 120_000 }, () => {
  it('is made while the profile store is away', async () => {
    await ranWith(
      (same) => same,
      async (port) => {
        for (let seq = 1; seq <= PRESSES; seq += 1) await press(port, 'b1', seq);
      },
    );
    backlog = presses();
    expect(backlog).toHaveLength(PRESSES);
  });

  it.each<[string, (yaml: string) => string, RegExp]>([
    ['is no YAML', (text) => `${text}\n  - [`, /aisle\.yaml:\d+:\d+/],
    [
      'has a key that nobody knows',
      (text) => text.replace('uplinks:', 'uplink:'),
      /uplink.*did you mean.*uplinks/s,
    ],
    [
      'names a zone that is not there',
      (text) => text.replace('zone: shoes', 'zone: hats'),
      /zone "hats" is not in/,
    ],
  ])(
    'a configuration that %s is refused with a sentence, and the backlog is as it was',
    async (_what, spoil, sentence) => {
      writeFileSync(shop.config, spoil(yaml));
      const gateway = launchGateway(shop.config);
      expect(await gateway.ended).toBe(1);
      writeFileSync(shop.config, yaml);
      expect(gateway.log()).toMatch(sentence);
      expect(gateway.log()).not.toMatch(/\n\s+at /);
      expect(presses()).toEqual(backlog);
    },
  );

  it('an uplink with another address gets what happens from then on, and what waits for the old one waits', async () => {
    const receiver = await foreignReceiver();
    await ranWith(
      (text) => text.replace(shop.profiles.url, `http://127.0.0.1:${receiver.port}`),
      async (port) => {
        await press(port, 'b1', PRESSES + 1);
        await until(
          () => receiver.taken().some(({ causationid }) => causationid === `b1/b1/${PRESSES + 1}`),
          'it',
        );
        expect(presses().slice(0, PRESSES)).toEqual(backlog);
      },
    );
    elsewhere.push(...receiver.taken());
    expect(elsewhere.filter(({ id }) => backlog.some((one) => one.id === id))).toEqual([]);
  });

  it.each<[string, (yaml: string) => string]>([
    ['no uplink at all', (text) => text.replace(/^uplinks: .*$/m, 'uplinks: []')],
    ['a device less', (text) => text.replace(/^ {2}- \{id: b1.*$/m, '')],
    ['a zone by another name', (text) => text.replaceAll('shoes', 'hats')],
    ['another mode', (text) => text.replace('mode: anonymous', 'mode: off')],
  ])('%s: what waits, waits, octet for octet', async (_what, change) => {
    await ranWith(change, async (port) => {
      await press(port, 'b2', acknowledged.size);
      expect(presses().slice(0, PRESSES)).toEqual(backlog);
    });
    expect(presses().slice(0, PRESSES)).toEqual(backlog);
  });

  it('and as it was, the uplink gets everything, each once, in order', async () => {
    shop.profiles.faults.away = false;
    await ranWith(
      (same) => same,
      () => until(() => waitingIn(shop.config).length === 0, 'the backlog'),
    );
    const committed = [...committedAt(shop.profiles), ...elsewhere];
    const arrived = new Set(committed.map(({ causationid }) => causationid));
    expect([...acknowledged].filter((cause) => !arrived.has(cause))).toEqual([]);
    expect(judge({ acknowledged, committed, waiting: waitingIn(shop.config) })).toEqual([]);
    expect(committedAt(shop.profiles).filter(({ id }) => backlog.some((one) => one.id === id))).toEqual(
      backlog,
    );
  });
});
