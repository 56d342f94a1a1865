import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hasDbus, type MockBluez, startMockBluez } from '../../support/mock-bluez.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { type Client, changes, device, HCI0, openClient, SCAN } from './client.ts';

const start = (...args: string[]) =>
  spawn(process.execPath, ['--import', 'tsx', 'firmware-sim/bluez.ts', ...args]);
const ADDRESS = '00:1A:22:00:00:01';

describe.skipIf(!hasDbus)('the mock BlueZ as a process', () => {
  let mock: MockBluez;
  let client: Client;

  beforeAll(async () => {
    mock = await startMockBluez();
  });
  afterAll(() => mock.stop());
  beforeEach(async () => {
    client = await openClient(mock.bus);
  });
  afterEach(() => client.close());

  const scan = async () => {
    await client.call(HCI0, 'SetDiscoveryFilter', 'a{sv}', SCAN);
    await client.call(HCI0, 'StartDiscovery');
  };

  it('says what is wrong with an order and goes on', async () => {
    await expect(mock.order({ order: 'drop', address: 'AA:AA:AA:AA:AA:AA' })).rejects.toThrow(
      'no peripheral',
    );
    await expect(mock.order({ order: 'fly' } as never)).rejects.toThrow('order');
    expect(await mock.order({ order: 'mend' })).toEqual({ ok: true });
  });

  it('counts calls, sessions, notify sessions and match rules', async () => {
    const { calls } = await mock.counts();
    await scan();
    const counts = await mock.counts();
    expect((counts.calls.StartDiscovery ?? 0) - (calls.StartDiscovery ?? 0)).toBe(1);
    expect(counts).toMatchObject({ sessions: 1, filters: 1, notifying: 0 });
    // One rule of the mock, one of this client.
    expect(Object.values(counts.matchRules)).toEqual([1, 1]);
  });

  it('leaves the bus without a word, and comes back with what it stored and without sessions', async () => {
    await mock.order({ order: 'peripheral', address: ADDRESS, model: 'eq-3', everyMs: 0 });
    await scan();
    const frame = { order: 'advertise', rssi: -60, data: '020106' } as const;
    await mock.order({ ...frame, address: ADDRESS });
    await mock.order({ ...frame, address: 'AA:00:00:00:00:01' });
    await client.call(device(ADDRESS), 'Connect');
    client.seen.length = 0;
    await mock.order({ order: 'leave' });
    await expect(client.objects()).rejects.toThrow('org.freedesktop.DBus.Error.ServiceUnknown');
    expect(client.seen).toEqual([]);
    expect((await mock.state(ADDRESS)).connected).toBe(false);
    await mock.order({ order: 'return' });
    expect(await client.objects()).toEqual(['/org/bluez', HCI0, device(ADDRESS)]);
    expect(await client.get(HCI0, 'Discovering')).toBe(false);
    expect(await mock.counts()).toMatchObject({ sessions: 0, filters: 0, connected: 0 });
  });

  it('is killed and started again', async () => {
    await mock.kill();
    // NoReply: the daemon hands the call on before it notices the end.
    await expect(client.objects()).rejects.toThrow(/ServiceUnknown|NoReply/);
    await mock.start();
    expect(await client.objects()).toEqual(['/org/bluez', HCI0]);
  });

  it('loses its bus, and is there again on a bus at the same address', async () => {
    await mock.stopBus();
    await mock.restartBus();
    const again = await openClient(mock.bus);
    expect(await again.objects()).toEqual(['/org/bluez', HCI0]);
    again.close();
  });

  it('has adapters that are pulled out and put in under another name', async () => {
    await mock.order({ order: 'unplug', adapter: 'hci0' });
    await client.caughtUp();
    expect(client.seen.at(-1)).toMatchObject({
      member: 'InterfacesRemoved',
      body: [HCI0, expect.anything()],
    });
    await expect(mock.order({ order: 'power', on: true })).rejects.toThrow('no adapter');
    await mock.order({ order: 'plug', adapter: 'hci1' });
    expect(await client.objects()).toEqual(['/org/bluez', '/org/bluez/hci1']);
    await mock.order({ order: 'unplug' });
    await mock.order({ order: 'plug', adapter: 'hci0' });
  });

  it('is mute while it says that it discovers, and is stopped by somebody else', async () => {
    await scan();
    const frame = { order: 'advertise', address: ADDRESS, rssi: -60, data: '020106' } as const;
    await mock.order({ order: 'mute' });
    expect(await mock.order(frame)).toMatchObject({ heard: 0 });
    expect(await client.get(HCI0, 'Discovering')).toBe(true);
    await mock.order({ order: 'mute', on: false });
    expect(await mock.order(frame)).toMatchObject({ heard: 1 });
    await mock.order({ order: 'stop-scan' });
    await client.caughtUp();
    expect(changes(client, HCI0).at(-1)?.changed).toEqual({ Discovering: false });
    expect(await mock.order(frame)).toMatchObject({ heard: 0 });
  });

  it.skipIf(!existsSync('/usr/bin/busctl'))('is understood by busctl, whose introspection is strict', () => {
    const busctl = (...args: string[]) =>
      spawnSync('busctl', [`--address=${mock.bus}`, ...args], { encoding: 'utf8', timeout: 10_000 }).stdout;
    expect(busctl('tree', '--list', 'org.bluez').trim().split('\n')).toContain(HCI0);
    expect(busctl('introspect', 'org.bluez', HCI0)).toMatch(/\.SetDiscoveryFilter +method +a\{sv\}/);
    expect(busctl('get-property', 'org.bluez', HCI0, 'org.bluez.Adapter1', 'Powered')).toBe('b true\n');
  });

  it('says in a sentence that it cannot reach its bus', async () => {
    const child = start('--bus', 'unix:path=/nowhere');
    const [line] = await once(child.stdout, 'data');
    expect(JSON.parse(String(line)).error).toMatch(/ENOENT/);
    await once(child, 'exit');
  });

  it.each(['its input ends', 'SIGTERM'])('takes a bus of its own with it when %s', async (how) => {
    const folder = temporaryFolder();
    const bus = `unix:path=${folder}/bus`;
    const child = start('--own-bus', bus);
    await once(child.stdout, 'data');
    const own = await openClient(bus);
    expect(await own.objects()).toContain(HCI0);
    if (how === 'SIGTERM') child.kill('SIGTERM');
    else child.stdin.end();
    await once(child, 'exit');
    const isGone = () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(`${folder}/bus`, () => resolve(false));
        socket.on('error', () => resolve(true)).unref();
      });
    while (!(await isGone()));
  });
});
