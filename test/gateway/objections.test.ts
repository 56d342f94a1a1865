import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesBelow, searchFiles } from '../../firmware-sim/demo/privacy-search.ts';
import { type HciController, hciController } from '../../firmware-sim/hci-controller.ts';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { agreed } from '../support/agreed.ts';
import { compiled } from '../support/compiled.ts';
import { aisle } from '../support/gateway-process.ts';
import { openShop, type RunningGateway, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** A whole gateway, the ceiling receiver's firmware at its chip, and phones that keep their address. */

const YAML = `
store: {id: s1, gateway: g1, timezone: Europe/Paris, notice: {id: n1, version: "1", languages: [fr]}}
mode: identify
map:
  zones: [{id: shoes, polygon: [[0, 0], [5, 0], [5, 5], [0, 5]]}]
  receivers: [{id: ceiling-1, position: [2, 2, 3]}, {id: old-1, position: [3, 2, 3]}]
devices:
  - {id: ceiling-1, kind: receiver}
  - {id: old-1, kind: receiver}
  - {id: button-1, kind: smart-button, zone: shoes}
`;
const PHONES = Array.from({ length: 22 }, (_, i) => `54:48:e6:8f:80:${(i + 16).toString(16)}`);
const OBJECTORS = PHONES.slice(0, 10);
/** An iPhone's own frame, ble_monitor test_ibeacon_parser.py (MIT). */
const PHONES_FRAME = Buffer.from('02011a020a0c0aff4c001005441cbd08c5', 'hex');
/** Beacon clock 2000 s gives this id under the published key 0102…16, K = 10 (Radius Networks, ephemeral_calc). */
const EID = '0303aafe0d16aafe30ee4144413e45fefa58';

let shop: Shop;
let gateway: RunningGateway;
let chip: HciController;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  shop = await openShop(YAML);
  closers.push(() => shop.close());
  const secret = join(shop.folder, 'ceiling-1.secret');
  writeFileSync(secret, secretOf('ceiling-1'));
  gateway = await shop.start();
  chip = await hciController({});
  closers.push(() => chip.close());
  const gatewayUrl = `mqtt://127.0.0.1:${gateway.mqtt}`;
  const child = spawn(process.execPath, [
    ...[
      compiled('firmware-sim/ceiling-receiver'),
      '--id',
      'ceiling-1',
      '--controller',
      `127.0.0.1:${chip.port}`,
    ],
    ...['--url', gatewayUrl, '--secret-file', secret, '--crowd-window', '1'],
  ]);
  closers.push(() => void child.kill('SIGKILL'));
  await until(chip.isScanning, 'the receiver to scan');
});
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

const secretOf = (device: string) => addDevice(readConfig(shop.config), device, 0).secret;

/** Everybody else in the shop, rounded to 5, as the gateway tells it. */
async function everybody(): Promise<number | null> {
  const token = readFileSync(join(shop.folder, 'data', 'dashboard.token'), 'utf8');
  const headers = { authorization: `Bearer ${token}` };
  const status = await fetch(`http://127.0.0.1:${gateway.http}/api/status`, { headers });
  return ((await status.json()) as { everybody: number | null }).everybody;
}

/** Lets every phone be heard until the count is this. */
async function countBecomes(count: number): Promise<void> {
  let told: number | null = null;
  for (const deadline = performance.now() + 20_000; told !== count; told = await everybody()) {
    if (performance.now() > deadline) throw new Error(`the count is ${told}, not ${count}`);
    for (const address of PHONES)
      chip.advertise({ address, addressType: 'public', rssi: -60, data: PHONES_FRAME });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const command = (...args: string[]) => {
  const [name = '', verb = '', ...rest] = args;
  return execFileSync(process.execPath, aisle([name, verb, '--config', shop.config, ...rest]), {
    encoding: 'utf8',
  });
};

const types = () => shop.profiles.store.events(0, 1_000).map(({ event }) => event.type);

describe('R22: who objected to being counted', () => {
  it('is in no count from then on, and their address is in no file and no log', {
    timeout: 90_000,
  }, async () => {
    // 22 phones, rounded.
    await countBecomes(20);
    const said = command('opt-out', 'add', ...OBJECTORS);
    expect(said).toMatch(/^10 listed: frames of 0\.015 % of all addresses are dropped/);
    // 12 are left; rounding leaves room for one that shares an objector's 16 bits.
    await countBecomes(10);
    expect(JSON.parse(command('opt-out', 'list', '--json'))).toEqual({ count: 10 });
    writeFileSync(join(shop.folder, 'log.txt'), gateway.log() + said);
    const marks = OBJECTORS.map((address) => address.replaceAll(':', ''));
    expect(searchFiles(filesBelow([shop.folder]), marks)).toEqual([]);
    command('opt-out', 'clear');
    await countBecomes(20);
  });

  it('is not recognised through a receiver that knows no such list, others are', {
    timeout: 60_000,
  }, async () => {
    await shop.ask('/downlink', { kind: 'consents', payload: consents() });
    await until(() => gateway.log().includes('shoppers who agreed are recognised'), 'the consents');
    const [tag = '', other = ''] = [
      OBJECTORS[0],
      `c4:12:f5:${randomBytes(3).toString('hex').match(/../g)?.join(':')}`,
    ];
    command('opt-out', 'add', tag);
    await until(
      () => gateway.log().includes('"entries":1,"msg":"the list of objections changed"'),
      'the list',
    );
    const old = await deviceClient('old-1');
    const button = await deviceClient('button-1');
    const heard = (address: string) =>
      old.publishAsync(
        'devices/old-1/advertisements',
        JSON.stringify({ frames: [{ address, addressType: 'random', rssi: -50, data: EID }] }),
        { qos: 1 },
      );
    await heard(tag);
    await button.publishAsync('devices/button-1/pressed', '{"button":1,"press":"press"}', { qos: 1 });
    await until(() => types().includes('aisle.button.pressed.v1'), 'the press');
    expect(types()).not.toContain('aisle.visit.started.v1');
    await heard(other);
    await until(() => types().includes('aisle.visit.started.v1'), 'the visit');
  });
});

async function deviceClient(id: string) {
  const client = await connectAsync(`mqtt://127.0.0.1:${gateway.mqtt}`, {
    ...{ clientId: id, username: id, password: secretOf(id), protocolVersion: 4, reconnectPeriod: 0 },
  });
  closers.push(() => client.endAsync(true));
  return client;
}

function consents() {
  const now = Math.floor(Date.now() / 1_000);
  const key = {
    kind: 'eid',
    identityKey: '0102030405060708090a111213141516',
    exponent: 10,
    offset: 1_500 - now,
  };
  const record = agreed([key], { recordId: 'c_1' });
  return { storeId: 's1', list: 'full', version: 1, issuedAt: new Date().toISOString(), records: [record] };
}
