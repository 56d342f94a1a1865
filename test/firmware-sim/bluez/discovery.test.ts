import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasDbus, type MockBluez, startMockBluez } from '../../support/mock-bluez.ts';
import { type Client, changes, device, HCI0, openClient, SCAN, variant } from './client.ts';

const ADAPTER_OFF = 'org.bluez.Error.NotReady: Resource Not Ready';
/** Flags; manufacturer data of company 0x0499; service data of 0xFCD2; the name "it". */
const FLAGS = '020106';
const company = (octets: string) => `${(3 + octets.length / 2).toString(16).padStart(2, '0')}ff9904${octets}`;
const service = (octets: string) => `${(3 + octets.length / 2).toString(16).padStart(2, '0')}16d2fc${octets}`;
/** Manufacturer data of company 0x004C. */
const OTHER_COMPANY = '04ff4c0007';
const NAME = '03096974';
const FCD2 = '0000fcd2-0000-1000-8000-00805f9b34fb';

describe.skipIf(!hasDbus)('discovery on the mock BlueZ', () => {
  let mock: MockBluez;
  const clients: Client[] = [];
  let last = 0;
  const fresh = () => `AA:00:00:00:00:${(++last).toString(16).toUpperCase().padStart(2, '0')}`;

  async function client(): Promise<Client> {
    const one = await openClient(mock.bus);
    clients.push(one);
    return one;
  }
  async function scanner(filter: object = SCAN): Promise<Client> {
    const one = await client();
    await one.call(HCI0, 'SetDiscoveryFilter', 'a{sv}', filter);
    await one.call(HCI0, 'StartDiscovery');
    return one;
  }
  async function advertise(address: string, data: string, rssi = -60) {
    const answer = await mock.order({ order: 'advertise', address, rssi, data });
    for (const one of clients) await one.caughtUp();
    return answer;
  }
  /** Waits until so many are open: a client that went is noticed by the daemon first. */
  async function sessions(count: number): Promise<void> {
    while ((await mock.counts()).sessions !== count);
  }

  beforeAll(async () => {
    mock = await startMockBluez({ temporaryMs: 400 });
  });
  afterAll(() => mock.stop());
  afterEach(async () => {
    for (const one of clients.splice(0)) one.close();
    await sessions(0);
  });

  it('hears nothing until somebody asks for discovery', async () => {
    const listener = await client();
    expect(await advertise(fresh(), FLAGS)).toMatchObject({ heard: 0 });
    expect(listener.seen).toEqual([]);
  });

  it('tells a new device once, with its whole frame, and what is in a frame after that', async () => {
    const one = await scanner();
    const address = fresh();
    await advertise(address, FLAGS + company('0102') + NAME);
    const added = await one.sees(({ member }) => member === 'InterfacesAdded');
    expect(added).toMatchObject({
      path: '/',
      body: [
        device(address),
        {
          'org.bluez.Device1': {
            Address: address,
            RSSI: -60,
            Name: 'it',
            Alias: 'it',
            ManufacturerData: { 1177: '0102' },
            Connected: false,
          },
        },
      ],
    });
    await advertise(address, FLAGS + company('0102'), -61);
    await advertise(address, FLAGS + service('40'), -62);
    await advertise(address, FLAGS, -62);
    expect(changes(one, device(address))).toEqual([
      { changed: { RSSI: -61, ManufacturerData: { 1177: '0102' } }, gone: [] },
      { changed: { RSSI: -62, ServiceData: { [FCD2]: '40' } }, gone: [] },
      { changed: { RSSI: -62 }, gone: [] },
    ]);
    // The object keeps what was in an earlier frame, until one has data of the same kind.
    expect(await one.get(device(address), 'ManufacturerData')).toEqual({ 1177: '0102' });
    await advertise(address, OTHER_COMPANY);
    expect(await one.get(device(address), 'ManufacturerData')).toEqual({ 76: '07' });
  });

  it('without DuplicateData tells only data that changed', async () => {
    const one = await scanner({ Transport: variant('s', 'le') });
    const address = fresh();
    for (const octets of ['01', '01', '02']) await advertise(address, FLAGS + company(octets));
    expect(changes(one, device(address)).map(({ changed }) => changed)).toEqual([
      { RSSI: -60 },
      { RSSI: -60, ManufacturerData: { 1177: '02' } },
    ]);
    // And collects what it ever heard.
    await advertise(address, OTHER_COMPANY);
    expect(await one.get(device(address), 'ManufacturerData')).toEqual({ 76: '07', 1177: '02' });
  });

  it('without a filter takes only what is discoverable, and only a signal strength that differs by 8 dB', async () => {
    const one = await client();
    await one.call(HCI0, 'StartDiscovery');
    const [silent, found] = [fresh(), fresh()];
    await advertise(silent, company('01'));
    for (const rssi of [-60, -67, -68]) await advertise(found, FLAGS, rssi);
    expect(changes(one, device(found)).map(({ changed }) => changed)).toEqual([{ RSSI: -68 }]);
    expect(await one.objects()).not.toContain(device(silent));
  });

  it('merges the frames of a device that come within one turn', async () => {
    const one = await scanner();
    const address = fresh();
    await advertise(address, FLAGS);
    await mock.together([
      { order: 'advertise', address, rssi: -50, data: company('01') },
      { order: 'advertise', address, rssi: -51, data: company('02') },
    ]);
    await one.caughtUp();
    expect(changes(one, device(address)).map(({ changed }) => changed)).toEqual([
      { RSSI: -51, ManufacturerData: { 1177: '02' } },
    ]);
  });

  it('gives each connection a session and a filter of its own, and ends them with the connection', async () => {
    const [one, other] = [await scanner(), await scanner()];
    await expect(one.call(HCI0, 'StartDiscovery')).rejects.toThrow('org.bluez.Error.InProgress');
    expect(await mock.counts()).toMatchObject({ sessions: 2, filters: 2 });
    other.close();
    await sessions(1);
    expect(await one.get(HCI0, 'Discovering')).toBe(true);
    await one.call(HCI0, 'StopDiscovery');
    await expect(one.call(HCI0, 'StopDiscovery')).rejects.toThrow('Failed: No discovery started');
    expect(await mock.counts()).toMatchObject({ sessions: 0, filters: 1 });
  });

  it('at the end of discovery no longer knows how near devices are, before it says that it ended', async () => {
    const one = await scanner();
    const address = fresh();
    await advertise(address, `${FLAGS}020a04`);
    one.seen.length = 0;
    await one.call(HCI0, 'StopDiscovery');
    expect(one.seen.map(({ path, body }) => [path, body[1], body[2]])).toEqual([
      [device(address), {}, ['RSSI', 'TxPower']],
      [HCI0, { Discovering: false }, []],
    ]);
    await expect(one.get(device(address), 'RSSI')).rejects.toThrow("InvalidArgs: No such property 'RSSI'");
  });

  it('removes a device that was not heard for long, during discovery too', async () => {
    const one = await scanner();
    const address = fresh();
    await advertise(address, FLAGS);
    const removed = await one.sees(
      ({ member, body }) => member === 'InterfacesRemoved' && body[0] === device(address),
    );
    expect(removed.body[1]).toContain('org.bluez.Device1');
    await expect(one.call(device(address), 'Connect')).rejects.toThrow('UnknownObject');
  });

  it('without power has no discovery, and afterwards no session and no filter', async () => {
    const one = await scanner();
    one.seen.length = 0;
    await mock.order({ order: 'power', on: false });
    await one.caughtUp();
    expect(changes(one, HCI0).at(-1)).toEqual({
      changed: { Discovering: false, Class: 0, Powered: false },
      gone: [],
    });
    await expect(one.call(HCI0, 'StartDiscovery')).rejects.toThrow(ADAPTER_OFF);
    await expect(one.call(HCI0, 'SetDiscoveryFilter', 'a{sv}', SCAN)).rejects.toThrow(ADAPTER_OFF);
    await one.call(HCI0, 'Set', 'ssv', 'org.bluez.Adapter1', 'Powered', variant('b', true));
    expect(await mock.counts()).toMatchObject({ sessions: 0, filters: 0 });
    expect(await one.get(HCI0, 'Discovering')).toBe(false);
  });

  it('refuses a filter that it does not know', async () => {
    const one = await client();
    for (const filter of [{ Colour: variant('s', 'red') }, { RSSI: variant('s', '-70') }]) {
      await expect(one.call(HCI0, 'SetDiscoveryFilter', 'a{sv}', filter)).rejects.toThrow('InvalidArguments');
    }
  });
});
