import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesBelow, searchFiles } from '../../firmware-sim/demo/privacy-search.ts';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { agreed } from '../support/agreed.ts';
import { openShop, type RunningGateway, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** A whole gateway, another maker's gateway at its broker (Debian's client plays it), and strangers' phones. */

const YAML = `
store: {id: s1, gateway: g1, timezone: Europe/Paris, notice: {id: n1, version: "1", languages: [fr]}}
mode: identify
map:
  zones: [{id: shoes, polygon: [[0, 0], [5, 0], [5, 5], [0, 5]]}]
  receivers: [{id: omg-1, position: [2, 2, 3]}]
devices:
  - {id: omg-1, kind: receiver, dialect: open-mqtt-gateway, topics: ["home/omg-1/BTtoMQTT/#"]}
`;
/** Beacon clock 2000 s gives this id under the published key 0102…16, K = 10 (Radius Networks, ephemeral_calc). */
const EID = '4144413e45fefa58';

let shop: Shop;
let gateway: RunningGateway;
let secret = '';

beforeAll(async () => {
  shop = await openShop(YAML);
  secret = addDevice(readConfig(shop.config), 'omg-1', 0).secret;
  gateway = await shop.start();
  await shop.ask('/downlink', { kind: 'consents', payload: consents() });
  await until(() => gateway.log().includes('shoppers who agreed are recognised'), 'the consents');
});
afterAll(() => shop.close());

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

async function publish(topic: string, payload: string, ...more: string[]): Promise<void> {
  const login = ['-h', '127.0.0.1', '-p', String(gateway.mqtt), '-i', 'omg-1', '-u', 'omg-1', '-P', secret];
  const args = [...login, '-t', topic, '-m', payload, '-q', '1', ...more];
  // Refused, it would connect and send again for ever.
  await promisify(execFile)('mosquitto_pub', args, { timeout: 10_000, killSignal: 'SIGKILL' });
}

const events = () => shop.profiles.store.events(0, 1_000).map(({ event }) => event);

/** As the documentation and a serial log of the project have them, under an address of this run. */
const SAID = [
  (id: string) => ({
    id,
    rssi: -89,
    distance: 21.51847,
    servicedata: 'fe00000000000000000000000000000000000000',
  }),
  (id: string) => ({ id, name: '[LG] webOS TV OLED65C7V', rssi: -63, distance: 1.602966 }),
  (id: string) => ({ id, mac_type: 1, rssi: -60, manufacturerdata: `4c001005${id.replaceAll(':', '')}` }),
  (id: string) => ({ id, mac_type: 1, rssi: 'near' }),
  (id: string) => ({ id: `${id}:00`, rssi: -60 }),
];

describe('R1: strangers whom another maker’s gateway heard', () => {
  it('leave no byte in log, database, outbox or at the profile store', { timeout: 60_000 }, async () => {
    const addresses: string[] = [];
    for (const say of SAID) {
      const address = randomBytes(6).toString('hex').toUpperCase();
      addresses.push(address.toLowerCase());
      const id = address.replace(/..(?!$)/g, '$&:');
      const topic = `home/omg-1/BTtoMQTT/${address}`;
      await publish(topic, JSON.stringify(say(id)));
      await publish(topic, `{"id":"${id}"`, '-r');
      await publish(`home/omg-1/${address}`, id);
      await publish(`home/elsewhere/${address}`, id);
      await publish(`devices/omg-1/${address}`, id);
    }
    await until(() => gateway.log().includes('foreign topic'), 'the refusals');
    await until(() => events().some(({ type }) => type === 'aisle.security.alert.v1'), 'the alert');
    expect(gateway.log()).toContain('"message":"open-mqtt-gateway"');

    writeFileSync(join(shop.folder, 'log.txt'), gateway.log());
    writeFileSync(join(shop.folder, 'events.json'), JSON.stringify(events()));
    const files = filesBelow([shop.folder]);
    expect(files.some((file) => file.endsWith('aisle.db'))).toBe(true);
    expect(searchFiles(files, addresses)).toEqual([]);
  });

  it('are not in the way: who agreed is recognised by a tag that it hears', { timeout: 60_000 }, async () => {
    const tag = { id: 'AA:BB:CC:DD:EE:01', mac_type: 1, rssi: -60, servicedatauuid: '0xfeaa' };
    await publish('home/omg-1/BTtoMQTT/AABBCCDDEE01', JSON.stringify({ ...tag, servicedata: `30ee${EID}` }));
    await until(() => events().some(({ type }) => type === 'aisle.visit.started.v1'), 'the visit');
    writeFileSync(join(shop.folder, 'events.json'), JSON.stringify(events()));
    const files = filesBelow([shop.folder]);
    expect(searchFiles(files, ['aabbccddee01'])).toEqual([]);
  });
});
