import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { environmentalSensing } from '../../../../devices/gatt/environmental-sensing.ts';
import { eq3 } from '../../../../devices/gatt/eq-3.ts';
import { type GattProfile, whyNot } from '../../../../devices/gatt/profile.ts';
import { type BluezBus, openBus } from '../../../../gateway/radio/bluez/bus.ts';
import { bluezPeer } from '../../../../gateway/radio/bluez/peer.ts';
import type { GattPeer } from '../../../../gateway/radio/gatt/peer.ts';
import { hasDbus, type MockBluez, startMockBluez } from '../../../support/mock-bluez.ts';
import { until } from '../../../support/until.ts';

const EQ3 = '00:1A:22:00:00:01';
const SENSOR = 'C8:5D:00:00:00:02';
const ABSENT = '00:1A:22:00:00:09';
const [{ from: answers } = { from: eq3.set.to }] = eq3.notifies;
const [{ from: temperature } = { from: eq3.set.to }] = environmentalSensing.reads;
const ASK =
  eq3.ask?.encode({ year: 2026, month: 11, day: 22, hour: 9, minute: 0, second: 0 }) ?? new Uint8Array();

const quiet = { info() {}, warn() {}, error() {} };

describe.skipIf(!hasDbus)('a thermostat behind BlueZ', () => {
  let mock: MockBluez;
  let bus: BluezBus;

  beforeAll(async () => {
    mock = await startMockBluez({ temporaryMs: 0 });
    await place();
    bus = openBus({ log: quiet, address: mock.bus, retryMs: 100 });
    await session();
  });
  afterAll(async () => {
    bus?.close();
    await mock?.stop();
  });

  async function place(): Promise<void> {
    await mock.order({ order: 'peripheral', address: EQ3, model: 'eq-3', everyMs: 50 });
    await mock.order({ order: 'peripheral', address: SENSOR, model: 'environmental-sensing', everyMs: 50 });
  }
  async function session(): Promise<void> {
    let isThere = false;
    const unfollow = bus.follow({
      onSession() {
        isThere = true;
      },
      onNone() {
        isThere = false;
      },
    });
    await until(() => isThere, 'bluetoothd on the bus');
    unfollow();
  }
  function peerOf(address: string): GattPeer {
    const peer = bluezPeer({ bus, adapter: 'hci0', address: address.toLowerCase(), isScanned: false });
    onTestFinished(() => peer.close());
    return peer;
  }
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

  it.each([
    [eq3, EQ3],
    [environmentalSensing, SENSOR],
  ] as [GattProfile, string][])(
    'is found, though nobody scans, and known for what it is: $model',
    async (profile, address) => {
      const link = await peerOf(address).connect(20_000);
      expect(whyNot(profile, link.characteristics)).toBeUndefined();
      expect(
        link.characteristics.find(({ characteristic }) => characteristic === profile.set.to.characteristic),
      ).toEqual(expect.objectContaining({ properties: expect.arrayContaining(['read', 'write']) }));
      await link.close();
      expect((await mock.counts()).connected).toBe(0);
      expect((await mock.counts()).sessions).toBe(0);
    },
  );

  it('is read and written, and what it notifies is heard', async () => {
    const link = await peerOf(SENSOR).connect(20_000);
    expect(
      temperature && environmentalSensing.reads[0]?.decode(await link.read(temperature))?.currentC,
    ).toBeCloseTo(19, 0);
    const heard: string[] = [];
    await link.subscribe(environmentalSensing.set.to, (bytes) => heard.push(hex(bytes)));
    await link.write(environmentalSensing.set.to, environmentalSensing.set.encode(21.5));
    await until(() => heard.length > 0, 'the notification');
    expect(heard[0]).toBe('6608');
    expect((await mock.state(SENSOR)).setpointC).toBe(21.5);
    await mock.order({ order: 'turn', address: SENSOR, setpointC: 20 });
    await until(() => heard.length > 1, 'what somebody turned it to');
    await link.close();
    await expect(link.read(temperature)).rejects.toThrow('the link is closed');
  });

  it('an eQ-3 answers a question by a notification, on every link anew', async () => {
    const peer = peerOf(EQ3);
    for (const _ of [1, 2, 3]) {
      const link = await peer.connect(20_000);
      const heard: string[] = [];
      await link.subscribe(answers, (bytes) => heard.push(hex(bytes)));
      await link.write(eq3.set.to, ASK);
      await until(() => heard.length > 0, 'the status');
      expect(heard).toEqual([expect.stringMatching(/^0201/)]);
      await link.close();
    }
    expect((await mock.counts()).notifying).toBe(0);
  });

  it('that is not in the shop is told so, and nothing is left of the search', async () => {
    await expect(peerOf(ABSENT).connect(1_500)).rejects.toThrow('hci0 does not hear 00:1a:22:00:00:09');
    expect((await mock.counts()).sessions).toBe(0);
  });

  it.each([
    [
      'is unplugged',
      { order: 'unplug' },
      { order: 'plug' },
      'bluetoothd has no adapter hci0: bluetoothctl list',
    ],
    [
      'is off',
      { order: 'power', on: false },
      { order: 'power', on: true },
      'hci0 is powered off: `bluetoothctl',
    ],
    [
      'may not be used',
      { order: 'forbid' },
      { order: 'mend' },
      'D-Bus does not let this user speak to bluetoothd',
    ],
  ] as const)(
    'is not reached, in a sentence with what to do, where the adapter %s',
    async (_, fault, mended, why) => {
      const peer = peerOf(ABSENT);
      await mock.order(fault);
      onTestFinished(() => mock.order(mended).then(() => {}));
      await expect(peer.connect(1_500)).rejects.toThrow(why);
    },
  );

  it('a connect that is refused, or lost before its services are known, is over at once', async () => {
    const peer = peerOf(EQ3);
    await mock.order({ order: 'refuse', address: EQ3, times: 1 });
    await expect(peer.connect(20_000)).rejects.toThrow('le-connection-abort-by-local');
    await mock.order({ order: 'drop-at', address: EQ3, at: 'Connect' });
    const startedAt = performance.now();
    await expect(peer.connect(20_000)).rejects.toThrow(/lost|connect/);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await (await peer.connect(20_000)).close();
  });

  it('a connect that is never answered ends by its deadline, and the next one works', async () => {
    const peer = peerOf(EQ3);
    await mock.order({ order: 'hang', what: 'Connect' });
    await expect(peer.connect(800)).rejects.toThrow('no answer');
    await (await peer.connect(20_000)).close();
    expect((await mock.counts()).connecting).toBe(0);
  });

  it('that wants to be paired first is said to, with what does it', async () => {
    const link = await peerOf(EQ3).connect(20_000);
    const text = 'Operation failed with ATT error: 0x05';
    await mock.order({ order: 'fail', what: 'StartNotify', text });
    await expect(link.subscribe(answers, () => {})).rejects.toThrow('pair it once, with bluetoothctl');
    await link.close();
  });

  it.each([
    ['it lets go', { order: 'drop', address: SENSOR }],
    ['it goes out of range', { order: 'away', address: SENSOR }],
    ['its object is removed', { order: 'remove', address: SENSOR }],
  ] as const)('a link is lost once where %s, and made again', async (_, order) => {
    const peer = peerOf(SENSOR);
    const link = await peer.connect(20_000);
    const drops: string[] = [];
    link.onDrop(({ message }) => drops.push(message));
    await mock.order(order);
    await until(() => drops.length > 0, 'the loss');
    await mock.order({ order: 'near', address: SENSOR });
    await expect(link.read(temperature)).rejects.toThrow('the link was lost');
    await link.close();
    await (await peer.connect(20_000)).close();
    expect(drops).toEqual(['the link was lost']);
  });

  it.each(['failed', 'never'] as const)(
    'a write in the middle of which the link ends is told by the loss: %s',
    async (reply) => {
      const link = await peerOf(EQ3).connect(20_000);
      const lost = new Promise<Error>((resolve) => link.onDrop(resolve));
      await mock.order({ order: 'drop-at', address: EQ3, at: 'WriteValue', effect: 'after', reply });
      const writing = link.write(eq3.set.to, eq3.set.encode(17)).catch((error: Error) => error);
      expect((await lost).message).toBe('the link was lost');
      if (reply === 'failed') expect(await writing).toBeInstanceOf(Error);
      expect((await mock.state(EQ3)).setpointC).toBe(17);
    },
  );

  it('bluetoothd is killed and started again, and so is the link', async () => {
    const peer = peerOf(SENSOR);
    const link = await peer.connect(20_000);
    const drops: string[] = [];
    link.onDrop(({ message }) => drops.push(message));
    await mock.kill();
    await until(() => drops.length > 0, 'the loss');
    await expect(peer.connect(1_000)).rejects.toThrow('bluetoothd');
    await mock.start();
    await place();
    await session();
    const next = await peer.connect(20_000);
    await next.read(temperature);
    await next.close();
    expect(drops).toHaveLength(1);
  });

  it('closing it in the middle of a connect ends both', async () => {
    const peer = peerOf(SENSOR);
    await mock.order({ order: 'hang', what: 'Connect' });
    const connecting = peer.connect(20_000).catch((error: Error) => error);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const startedAt = performance.now();
    await peer.close();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect((await connecting) as Error).toMatchObject({ message: 'closed' });
    await mock.order({ order: 'mend' });
    expect((await mock.counts()).connected).toBe(0);
  });
});
