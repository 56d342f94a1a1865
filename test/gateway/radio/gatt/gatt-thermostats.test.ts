import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gattProfiles } from '../../../../devices/gatt/index.ts';
import { parseConfig } from '../../../../gateway/config.ts';
import { type BluezBus, openBus } from '../../../../gateway/radio/bluez/bus.ts';
import { startGattThermostats } from '../../../../gateway/radio/gatt/thermostats.ts';
import { hasDbus, type MockBluez, startMockBluez } from '../../../support/mock-bluez.ts';
import { openShop, type RunningGateway, type Shop } from '../../../support/shop.ts';

const EQ3 = '00:1A:22:00:00:01';
const SENSOR = 'C8:5D:00:00:00:02';
const YAML = `
store: {id: s1, gateway: g1, timezone: Europe/Paris}
mode: anonymous
map: {zones: [{id: shoes, polygon: [[0, 0], [5, 0], [5, 5], [0, 5]]}]}
devices:
  - {id: r1, kind: receiver}
  - {id: radiator, kind: thermostat-gatt, zone: shoes, address: "${EQ3}", model: eq-3, credentialFile: radiator.secret}
  - {id: wall, kind: thermostat-gatt, zone: shoes, address: "${SENSOR}", model: environmental-sensing, credentialFile: wall.secret}
`;
const RADIO =
  'radio: {driver: bluez, adapter: hci0, receiver: r1, gateway: {url: "mqtt://127.0.0.1:1883", credentialFile: r1.secret}}';

interface ReceivedEvent {
  event: { type: string; data: Record<string, unknown> };
}

/**
 * From the profile store's side to the thermostat and back: a signed command on the downlink, the real gateway and
 * its broker, the radio process's part for GATT thermostats, D-Bus, BlueZ's stand-in, the thermostat's firmware.
 */
describe.skipIf(!hasDbus)('a setpoint from the profile store to a thermostat that speaks GATT', () => {
  let shop: Shop;
  let gateway: RunningGateway;
  let mock: MockBluez;
  let bus: BluezBus;
  let thermostats: { close(): Promise<void> };
  const lines: string[] = [];
  let commands = 0;

  beforeAll(async () => {
    const mocking = startMockBluez();
    shop = await openShop(YAML);
    writeFileSync(shop.config, readFileSync(shop.config, 'utf8').replace('inputs: {', `inputs: {${RADIO}, `));
    for (const id of ['radiator', 'wall']) {
      writeFileSync(join(shop.folder, `${id}.secret`), shop.addDevice(id), { mode: 0o600 });
    }
    [gateway, mock] = await Promise.all([shop.start(), mocking]);
    await mock.order({ order: 'peripheral', address: EQ3, model: 'eq-3', everyMs: 100 });
    await mock.order({ order: 'peripheral', address: SENSOR, model: 'environmental-sensing', everyMs: 100 });
    const log = (text: string) => void lines.push(text);
    bus = openBus({ log: { info: log, warn: log, error: log }, address: mock.bus });
    const config = parseConfig(readFileSync(shop.config, 'utf8'), shop.config);
    thermostats = startGattThermostats({
      bus,
      adapter: 'hci0',
      isScanned: false,
      thermostats: config.devices.flatMap(({ id, address, model, credentialFile }) => {
        const profile = gattProfiles.get(model ?? '');
        return profile && address && credentialFile ? [{ id, address, profile, credentialFile }] : [];
      }),
      gateway: { url: `mqtt://127.0.0.1:${gateway.mqtt}` },
      timeZone: config.store.timezone,
      log: { info: log, warn: log, error: log },
      now: () => performance.now(),
      // The shortest waits.
      random: () => 0.01,
    });
    await eventually(
      () => received('thermostat.changed'),
      (events) => new Set(events.map(({ data }) => data.deviceId)).size === 2,
    );
  }, 60_000);
  afterAll(async () => {
    await thermostats?.close();
    bus?.close();
    await mock?.stop();
    await shop?.close();
  });

  async function received(name: string): Promise<ReceivedEvent['event'][]> {
    const { events } = (await shop.ask('/events')) as { events: ReceivedEvent[] };
    return events.map(({ event }) => event).filter(({ type }) => type === `aisle.${name}.v1`);
  }
  async function order(device: string, setpointC: number, forMs = 60_000): Promise<string> {
    commands += 1;
    const id = `k${commands}`;
    const payload = {
      id,
      storeId: 's1',
      gateway: 'g1',
      action: 'setpoint',
      args: { device, setpointC },
      issuedAt: new Date().toISOString(),
      expiresAt: new Date(Date.now() + forMs).toISOString(),
    };
    await shop.ask('/downlink', { kind: 'command', payload });
    return id;
  }
  /** The one event that ends a command. */
  async function completed(id: string): Promise<Record<string, unknown>> {
    const [event] = await eventually(
      async () => (await received('command.completed')).filter(({ data }) => data.id === id),
      (events) => events.length > 0,
    );
    return event?.data ?? {};
  }

  it.each([
    ['radiator', EQ3, 21.5],
    ['wall', SENSOR, 22],
  ])('reaches the %s, and its reply comes back', async (device, address, setpointC) => {
    const id = await order(device, setpointC);
    expect(await completed(id)).toMatchObject({ action: 'setpoint', device, ok: true, by: 'central' });
    expect((await mock.state(address)).setpointC).toBe(setpointC);
    const changes = await eventually(
      () => received('thermostat.changed'),
      (events) => events.some(({ data }) => data.deviceId === device && data.setpointC === setpointC),
    );
    expect(changes.findLast(({ data }) => data.deviceId === device)?.data).toMatchObject({
      zoneId: 'shoes',
      setpointC,
      changedBy: 'central',
    });
  });

  it('tells no temperature of the room where the thermostat tells none', async () => {
    const changes = await received('thermostat.changed');
    const told = (device: string) => changes.find(({ data }) => data.deviceId === device)?.data;
    expect(told('radiator')).not.toHaveProperty('currentC');
    expect(told('radiator')).toMatchObject({ mode: 'auto', valvePct: expect.any(Number) });
    expect(told('wall')).toMatchObject({ currentC: expect.any(Number) });
  });

  it('tells on the thermostat’s sign for a low battery, and the end of it, once each', async () => {
    const signs = async () =>
      (await received('device.health'))
        .filter(({ data }) => data.deviceId === 'radiator' && data.batteryLow !== undefined)
        .map(({ data }) => data.batteryLow);
    expect(await signs()).toEqual([]);
    for (const [at, low] of [true, false].entries()) {
      await mock.order({ order: 'battery', address: EQ3, low });
      // Its link is not held: it says so with the status that it is asked for next.
      for (const setpointC of [17, 18]) await completed(await order('radiator', setpointC));
      expect(await eventually(signs, (told) => told.length > at)).toEqual([true, false].slice(0, at + 1));
    }
  });

  it('is refused by the radio where the thermostat cannot be set so', async () => {
    const id = await order('radiator', 30);
    expect(await completed(id)).toMatchObject({
      ok: false,
      error: 'setpointC must be 5 to 29.5 in steps of 0.5',
    });
  });

  it('is told as expired once where the link is dropped for good, and not carried out later', async () => {
    await mock.order({ order: 'refuse', address: SENSOR, times: 1_000 });
    await mock.order({ order: 'drop-at', address: SENSOR, at: 'WriteValue', effect: 'before' });
    const id = await order('wall', 27, 2_000);
    expect(await completed(id)).toMatchObject({ ok: false, error: 'expired' });
    await mock.order({ order: 'refuse', address: SENSOR, times: 1 });
    const next = await order('wall', 20.5);
    expect(await completed(next)).toMatchObject({ ok: true });
    // 27.00 °C, sint16 in hundredths.
    expect((await mock.state(SENSOR)).writes).not.toContain('8c0a');
  });

  it.each([
    ['before the write took effect', 'before', 'failed', 18.5],
    ['after it took effect', 'after', 'failed', 19.5],
    ['after it took effect, without an answer ever', 'after', 'never', 18],
  ] as const)('is confirmed once where the link is dropped %s', async (_, effect, reply, setpointC) => {
    const before = (await mock.state(SENSOR)).writes.length;
    await mock.order({ order: 'drop-at', address: SENSOR, at: 'WriteValue', effect, reply });
    const id = await order('wall', setpointC);
    expect(await completed(id)).toMatchObject({ ok: true });
    const { setpointC: has, writes } = await mock.state(SENSOR);
    expect(has).toBe(setpointC);
    expect(writes.length - before).toBe(1);
  });

  it('ends each command exactly once', async () => {
    const events = await received('command.completed');
    const ids = events.map(({ data }) => data.id);
    expect(ids.toSorted()).toEqual(Array.from({ length: commands }, (_, i) => `k${i + 1}`).toSorted());
  });

  it('names no secret in the log', () => {
    expect(lines).toContain('radiator answers over GATT');
    for (const id of ['radiator', 'wall']) {
      expect(lines.join()).not.toContain(readFileSync(join(shop.folder, `${id}.secret`), 'utf8'));
    }
  });
});

async function eventually<T>(ask: () => Promise<T>, is: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (is(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
