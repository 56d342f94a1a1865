import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { hasDbus, type MockBluez, startMockBluez } from '../../support/mock-bluez.ts';
import { until } from '../../support/until.ts';
import { type Client, device, HCI0, openClient, SCAN } from './client.ts';

const DONGLE = '00:1B:DC:00:00:01';
const OTHER = '00:1B:DC:00:00:02';
const HCI1 = '/org/bluez/hci1';
const HCI2 = '/org/bluez/hci2';
const VALVE = '00:1A:22:00:00:01';

/** The kernel counts adapters anew at each boot, and after a re-plug. */
describe.skipIf(!hasDbus)('adapters of the mock BlueZ that get another number', () => {
  let mock: MockBluez;
  let client: Client;

  beforeAll(async () => {
    mock = await startMockBluez({ temporaryMs: 0, adapters: ['hci0', 'hci1'] });
  });
  afterAll(() => mock.stop());
  beforeEach(async () => {
    await mock.order({ order: 'plug', adapter: 'hci0', address: DONGLE });
    await mock.order({ order: 'plug', adapter: 'hci1', address: OTHER });
    client = await openClient(mock.bus);
  });
  afterEach(async () => {
    client.close();
    await mock.order({ order: 'unplug', adapter: 'hci2' }).catch(() => {});
  });

  /** After which bluetoothd has it on its disk, under the address of the dongle, which is hci0. */
  async function connectToValve(): Promise<void> {
    await mock.order({ order: 'peripheral', address: VALVE, model: 'eq-3', everyMs: 0 });
    await client.call(HCI0, 'SetDiscoveryFilter', 'a{sv}', SCAN);
    await client.call(HCI0, 'StartDiscovery');
    await mock.order({ order: 'advertise', address: VALVE, rssi: -60, data: '020106' });
    await client.call(device(VALVE), 'Connect');
    await client.caughtUp();
  }
  const addresses = () => Promise.all([HCI0, HCI1].map((path) => client.get(path, 'Address')));

  it('an adapter goes with its devices before it, and comes with the same address and what was stored under it', async () => {
    await connectToValve();
    client.seen.length = 0;
    await mock.order({ order: 'renumber', adapter: 'hci0', as: 'hci2' });
    await client.caughtUp();
    const told = client.seen
      .filter(({ member }) => member.startsWith('Interfaces'))
      .map(({ member, body }) => `${member} ${body[0]}`)
      .filter((line) => !line.includes('/service'));
    expect(told).toEqual([
      `InterfacesRemoved ${device(VALVE)}`,
      `InterfacesRemoved ${HCI0}`,
      `InterfacesAdded ${HCI2}`,
      `InterfacesAdded ${HCI2}/dev_${VALVE.replaceAll(':', '_')}`,
    ]);
    expect(client.seen.find(({ body }) => body[0] === HCI2)?.body[1]).toMatchObject({
      'org.bluez.Adapter1': { Address: DONGLE, Powered: true, Discovering: false },
    });
    expect(await mock.counts()).toMatchObject({ sessions: 0, filters: 0, connected: 0 });
  });

  it('two swap theirs, and what is stored stays with the address', async () => {
    await connectToValve();
    expect(await addresses()).toEqual([DONGLE, OTHER]);
    const paths = async () => (await client.objects()).filter((path) => path.includes('dev_'));
    expect(await paths()).toEqual([device(VALVE)]);
    await mock.order({ order: 'renumber', adapter: 'hci0', as: 'hci1' });
    expect(await addresses()).toEqual([OTHER, DONGLE]);
    expect(await paths()).toEqual([device(VALVE).replace(HCI0, HCI1)]);
  });

  it('two swap theirs while bluetoothd is away, which says nothing and has them so afterwards', async () => {
    await mock.order({ order: 'leave' });
    await mock.order({ order: 'renumber', adapter: 'hci1', as: 'hci0' });
    await client.call('/', 'GetManagedObjects').catch(() => {});
    expect(client.seen).toEqual([]);
    await mock.order({ order: 'return' });
    expect(await addresses()).toEqual([OTHER, DONGLE]);
  });

  it('one that is not there cannot', async () => {
    await expect(mock.order({ order: 'renumber', adapter: 'hci5', as: 'hci0' })).rejects.toThrow(
      'no adapter hci5',
    );
  });

  it.skipIf(!existsSync('/usr/bin/busctl'))('busctl finds the address under the other number', async () => {
    const busctl = (...args: string[]) =>
      spawnSync('busctl', [`--address=${mock.bus}`, ...args], { encoding: 'utf8', timeout: 10_000 }).stdout;
    const address = (path: string) =>
      busctl('get-property', 'org.bluez', path, 'org.bluez.Adapter1', 'Address');
    await mock.order({ order: 'renumber', adapter: 'hci0', as: 'hci2' });
    expect(busctl('tree', '--list', 'org.bluez').trim().split('\n')).not.toContain(HCI0);
    expect(address(HCI2)).toBe(`s "${DONGLE}"\n`);
    expect(address(HCI1)).toBe(`s "${OTHER}"\n`);
  });

  it.skipIf(!existsSync('/usr/bin/bluetoothctl'))(
    'bluetoothctl sees the controller go and come',
    async () => {
      const child = spawn('bluetoothctl', [], { env: { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: mock.bus } });
      onTestFinished(async () => {
        child.kill('SIGKILL');
        await once(child, 'exit');
      });
      let said = '';
      child.stdout.on('data', (chunk) => {
        said += chunk;
      });
      await until(() => said.includes('Agent registered'), 'bluetoothctl');
      said = '';
      await mock.order({ order: 'renumber', adapter: 'hci0', as: 'hci2' });
      const goesAndComes = new RegExp(`DEL.*Controller ${DONGLE}.*NEW.*Controller ${DONGLE}`, 's');
      await until(() => goesAndComes.test(said), 'both');
      said = '';
      child.stdin.write(`show ${DONGLE}\n`);
      await until(() => said.includes('Powered: yes'), 'the controller');
    },
  );
});
