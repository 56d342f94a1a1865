import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { eq3 } from '../../../devices/gatt/eq-3.ts';
import { type BluezBus, type BusSession, openBus } from '../../../gateway/radio/bluez/bus.ts';
import { bluezPeer } from '../../../gateway/radio/bluez/peer.ts';
import { refuseNobles, type WantedAdapter } from '../../../gateway/radio/bluez/wanted-adapter.ts';
import { openBluez } from '../../../gateway/radio/bluez.ts';
import { TOLD_WITHIN_MS } from '../../../gateway/radio/driver.ts';
import type { GattLink, GattPeer } from '../../../gateway/radio/gatt/peer.ts';
import type { RadioState } from '../../../gateway/radio/radio-state.ts';
import { hasDbus, type MockBluez, startMockBluez } from '../../support/mock-bluez.ts';
import { until } from '../../support/until.ts';
import { BUSY_MS, eventually } from './radio-suite.ts';

const log = { info() {}, warn() {}, error() {} };
const TIMES = { startMs: 400, powerOffMs: 100, restartMs: 200, retryMs: 200 };
/** The dongle; the built-in adapter is the other one. */
const DONGLE = '00:1B:DC:00:00:01';
const BUILT_IN = 'DC:A6:32:00:00:02';
const BY_ADDRESS: WantedAdapter = { kind: 'address', address: DONGLE };
const EQ3 = '00:1A:22:00:00:01';
const BEACON = '0201061316aafe10ee0374657374000102030405060708';

/** What dbus-next keeps for a connection. */
interface Books {
  name: string;
  _signals: NodeJS.EventEmitter;
}

describe.skipIf(!hasDbus)('an adapter that is known by its address', () => {
  let bluez: MockBluez;
  let serial = 0;

  beforeAll(async () => {
    bluez = await startMockBluez({ temporaryMs: 0, adapters: ['hci0', 'hci1'] });
  });
  afterAll(() => bluez?.stop());
  /** Whatever the test before made of them: the dongle is hci0 and the built-in adapter hci1. */
  beforeEach(async () => {
    await bluez.order({ order: 'mend' });
    for (const adapter of ['hci2', 'hci1', 'hci0']) {
      await bluez.order({ order: 'unplug', adapter }).catch(() => {});
    }
    await bluez.order({ order: 'plug', adapter: 'hci0', address: DONGLE });
    await bluez.order({ order: 'plug', adapter: 'hci1', address: BUILT_IN });
  });

  function open(nobles?: string, deadlineMs = 2_000): BluezBus {
    const bus = openBus({ log, address: bluez.bus, retryMs: 100, deadlineMs, nobles });
    onTestFinished(() => bus.close());
    return bus;
  }

  /** A radio on the dongle, by its address unless told otherwise. */
  function listen(adapter: WantedAdapter = BY_ADDRESS, bus = open()) {
    const states: { state: RadioState; at: number }[] = [];
    const heard: string[] = [];
    const radio = openBluez({
      adapter,
      bus,
      onAdvertisement: (report) => heard.push(report.address),
      onState: (state) => states.push({ state, at: performance.now() }),
      log,
      now: () => performance.now(),
      times: TIMES,
    });
    onTestFinished(() => radio.close());
    const last = () => states.at(-1)?.state;
    const lastAt = () => states.at(-1)?.at ?? 0;
    /** A frame that the adapter of this name alone is near enough to hear, and that comes through. */
    const hearsBy = async (name: string) => {
      serial += 1;
      const address = `C0:00:00:00:00:${serial.toString(16).padStart(2, '0').toUpperCase()}`;
      const frame = { order: 'advertise', address, addressType: 'random', rssi: -60, data: BEACON } as const;
      await eventually(
        async () => Number((await bluez.order({ ...frame, adapter: name })).heard) > 0,
        `${name} to scan`,
      );
      await until(() => heard.includes(address.toLowerCase()), 'the frame');
    };
    return { bus, last, lastAt, states, hearsBy };
  }

  function peerOn(bus: BluezBus, adapter = DONGLE.toLowerCase()) {
    const peer = bluezPeer({ bus, adapter, address: EQ3.toLowerCase(), isScanned: false });
    onTestFinished(() => peer.close());
    return peer;
  }
  /** Its link, tried for until it is there: an adapter on its way has no place for a moment. */
  async function linked(peer: GattPeer): Promise<GattLink> {
    for (const until = performance.now() + 20_000; ; ) {
      const link = await peer.connect(20_000).catch((error: Error) => error);
      if (!(link instanceof Error)) return link;
      if (performance.now() > until) throw link;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const place = () => bluez.order({ order: 'peripheral', address: EQ3, model: 'eq-3', everyMs: 50 });

  it('is scanned on, and no other one', async () => {
    const { hearsBy, last } = listen();
    await hearsBy('hci0');
    expect(last()).toEqual({ kind: 'scanning' });
    expect((await bluez.counts()).sessions).toBe(1);
  });

  it('is told when it is pulled, with the adapters that there are, and heard through when it is back as another hciN', async () => {
    const { hearsBy, last, lastAt } = listen();
    await hearsBy('hci0');
    const pulledAt = performance.now();
    await bluez.order({ order: 'unplug', adapter: 'hci0' });
    await until(() => last()?.kind === 'failed', 'the loss to be told');
    expect(lastAt() - pulledAt).toBeLessThan(TOLD_WITHIN_MS.lost + BUSY_MS);
    expect(last()).toEqual({
      kind: 'failed',
      why: `bluetoothd has no adapter with the address ${DONGLE}, it has hci1 (${BUILT_IN}): plug it in, or name another`,
    });
    const backAt = performance.now();
    await bluez.order({ order: 'plug', adapter: 'hci2', address: DONGLE });
    await hearsBy('hci2');
    expect(performance.now() - backAt).toBeLessThan(TOLD_WITHIN_MS.back + BUSY_MS);
    expect(last()).toEqual({ kind: 'scanning' });
    expect((await bluez.counts()).sessions).toBe(1);
  });

  it('tells anew which adapters there are, as they come and go, and “none” without any', async () => {
    await bluez.order({ order: 'unplug', adapter: 'hci0' });
    const { last } = listen();
    const says = (there: string) =>
      until(() => JSON.stringify(last()).includes(`${DONGLE}, it has ${there}:`), there);
    await says(`hci1 (${BUILT_IN})`);
    await bluez.order({ order: 'unplug', adapter: 'hci1' });
    await says('none');
    await bluez.order({ order: 'plug', adapter: 'hci0', address: BUILT_IN });
    await says(`hci0 (${BUILT_IN})`);
    expect((await bluez.counts()).sessions).toBe(0);
  });

  it.each([
    ['while bluetoothd runs', []],
    ['at a start of bluetoothd', ['leave', 'return']],
  ] as const)(
    'is followed where the two swap their numbers %s, and the other one is left alone',
    async (_, [before, after]) => {
      const { hearsBy, last } = listen();
      await hearsBy('hci0');
      if (before) await bluez.order({ order: before });
      await bluez.order({ order: 'renumber', adapter: 'hci0', as: 'hci1' });
      if (after) await bluez.order({ order: after });
      await hearsBy('hci1');
      expect(last()).toEqual({ kind: 'scanning' });
      expect((await bluez.counts()).sessions).toBe(1);
    },
  );

  it.skipIf(!existsSync('/usr/bin/busctl'))(
    'is the one that busctl sees discovering, wherever it is',
    async () => {
      const property = (name: string, of: string) =>
        spawnSync(
          'busctl',
          [
            `--address=${bluez.bus}`,
            'get-property',
            'org.bluez',
            `/org/bluez/${name}`,
            'org.bluez.Adapter1',
            of,
          ],
          { encoding: 'utf8', timeout: 10_000 },
        ).stdout.trim();
      const discovering = () => ['hci0', 'hci1'].filter((name) => property(name, 'Discovering') === 'b true');
      const { hearsBy } = listen();
      await hearsBy('hci0');
      expect(discovering()).toEqual(['hci0']);
      await bluez.order({ order: 'renumber', adapter: 'hci0', as: 'hci1' });
      await hearsBy('hci1');
      expect(discovering()).toEqual(['hci1']);
      expect(property('hci1', 'Address')).toBe(`s "${DONGLE}"`);
    },
  );

  it('a thermostat’s link goes along', async () => {
    await place();
    const bus = open();
    const peer = peerOn(bus);
    const link = await peer.connect(20_000);
    const lost = new Promise<Error>((resolve) => link.onDrop(resolve));
    await bluez.order({ order: 'renumber', adapter: 'hci0', as: 'hci2' });
    expect((await lost).message).toBe('the link was lost');
    const next = await linked(peer);
    expect(next.characteristics.length).toBeGreaterThan(0);
    expect((await bluez.counts()).connected).toBe(1);
    await next.close();
    expect((await bluez.counts()).sessions).toBe(0);
  });

  it('leaves no listener and no match rule behind, however often it moves', async () => {
    await place();
    const { bus, hearsBy } = listen();
    const peer = peerOn(bus);
    const sessions: BusSession[] = [];
    onTestFinished(bus.follow({ onSession: (opened) => sessions.push(opened), onNone() {} }));
    const moved = async (from: string, to: string) => {
      await bluez.order({ order: 'renumber', adapter: from, as: to });
      await hearsBy(to);
      const link = await linked(peer);
      // Held and listened to, until the next move takes it away.
      for (const { from: answers } of eq3.notifies) await link.subscribe(answers, () => {});
    };
    const held = async () => {
      const [{ bluetooth }] = sessions as [BusSession];
      const { dbus } = bluetooth as unknown as { dbus: NodeJS.EventEmitter & Books };
      const { matchRules, sessions: scans, notifying, objects } = await bluez.counts();
      const [listeners, signals] = [dbus, dbus._signals].map((emitter) =>
        emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0),
      );
      return { rules: matchRules[dbus.name], listeners, signals, scans, notifying, objects };
    };
    await moved('hci0', 'hci2');
    await moved('hci2', 'hci0');
    const before = await held();
    for (let i = 0; i < 5; i += 1) {
      await moved('hci0', 'hci2');
      await moved('hci2', 'hci0');
    }
    expect(await held()).toEqual(before);
  });

  it('a connect in the middle of which it is pulled is over at once', async () => {
    await place();
    const peer = peerOn(open());
    await (await peer.connect(20_000)).close();
    await bluez.order({ order: 'hang', what: 'Connect' });
    const { calls: before } = await bluez.counts();
    const connecting = expect(peer.connect(20_000)).rejects.toThrow('the link was lost');
    await eventually(async () => (await bluez.counts()).calls.Connect !== before.Connect, 'the call');
    const pulledAt = performance.now();
    await bluez.order({ order: 'renumber', adapter: 'hci0', as: 'hci2' });
    await connecting;
    expect(performance.now() - pulledAt).toBeLessThan(TOLD_WITHIN_MS.lost + BUSY_MS);
    await (await linked(peer)).close();
  });

  it.each([
    ['hears it', true],
    ['does not', false],
  ])(
    'a thermostat that is looked for while it moves is not reached by the one that has its name then, and %s',
    async (_, isHeard) => {
      await bluez.order({ order: 'peripheral', address: EQ3, model: 'eq-3', everyMs: 0 });
      await bluez.order({ order: 'remove', address: EQ3 }).catch(() => {});
      // Another program hears by the built-in adapter.
      await listen({ kind: 'address', address: BUILT_IN }).hearsBy('hci1');
      const peer = peerOn(open());
      const search = peer.connect(20_000).then(
        () => 'a link',
        ({ message }: Error) => message,
      );
      await eventually(async () => (await bluez.counts()).sessions === 2, 'the search');
      const movedAt = performance.now();
      await bluez.order({ order: 'renumber', adapter: 'hci0', as: 'hci1' });
      if (isHeard) await place();
      expect(await search).toMatch(/is being plugged in or out: it is tried again|bluetoothd has no adapter/);
      expect(performance.now() - movedAt).toBeLessThan(TOLD_WITHIN_MS.lost + BUSY_MS);
      expect((await bluez.counts()).connected).toBe(0);
      await place();
      await (await linked(peer)).close();
    },
  );

  it('a thermostat is not reached while it is away, in the same sentence', async () => {
    const bus = open();
    const peer = peerOn(bus);
    await bluez.order({ order: 'unplug', adapter: 'hci0' });
    await expect(peer.connect(1_500)).rejects.toThrow(
      `bluetoothd has no adapter with the address ${DONGLE}, it has hci1 (${BUILT_IN}): plug it in`,
    );
  });

  it.each([
    ['the radio by its name, the thermostats by its address', { kind: 'local', index: 0 }, DONGLE],
    ['the radio by its address, the thermostats by its name', BY_ADDRESS, 'hci0'],
  ] as const)('may be one adapter under two words: %s', async (_, scannedBy, adapter) => {
    const { bus, hearsBy, last } = listen(scannedBy);
    await hearsBy('hci0');
    const before = await bluez.counts();
    const peer = peerOn(bus, adapter);
    // Not heard yet: whoever looked for it by a scan of its own would end the radio's with it.
    await bluez.order({ order: 'peripheral', address: EQ3, model: 'eq-3', everyMs: 0 });
    await bluez.order({ order: 'remove', address: EQ3 }).catch(() => {});
    await expect(peer.connect(3_000)).rejects.toThrow('does not hear');
    await place();
    await (await linked(peer)).close();
    const after = await bluez.counts();
    expect(after.calls.StopDiscovery).toBe(before.calls.StopDiscovery);
    expect(after.calls.StartDiscovery).toBe(before.calls.StartDiscovery);
    expect(after.sessions).toBe(1);
    expect(last()).toEqual({ kind: 'scanning' });
  });

  it('a scan that the radio begins while a thermostat is looked for is not ended with the search', async () => {
    await bluez.order({ order: 'peripheral', address: EQ3, model: 'eq-3', everyMs: 0 });
    await bluez.order({ order: 'remove', address: EQ3 }).catch(() => {});
    const { calls: before } = await bluez.counts();
    const bus = open();
    const search = expect(peerOn(bus).connect(2_000)).rejects.toThrow('does not hear');
    await eventually(async () => (await bluez.counts()).sessions === 1, 'the search');
    const since = async (member: string) =>
      ((await bluez.counts()).calls[member] ?? 0) - (before[member] ?? 0);
    const { hearsBy } = listen({ kind: 'local', index: 0 }, bus);
    // The search's; the radio's, in whose way that one is; the radio's again.
    await eventually(async () => (await since('StartDiscovery')) === 3, 'the scan');
    await hearsBy('hci0');
    await search;
    expect((await bluez.counts()).sessions).toBe(1);
    expect(await since('StopDiscovery')).toBe(1);
  });

  it('and is noble’s is refused at the start, and for every link where it becomes noble’s later', async () => {
    const bus = open('hci0');
    const sentence = `the adapter with the address ${DONGLE} is hci0, which is noble's already: BlueZ needs an adapter of its own`;
    await expect(refuseNobles(bus, BY_ADDRESS, 5_000)).rejects.toThrow(
      `inputs.radio.gatt.adapter: ${sentence}`,
    );
    const peer = peerOn(bus);
    await expect(peer.connect(1_500)).rejects.toThrow(sentence);
    await bluez.order({ order: 'renumber', adapter: 'hci0', as: 'hci1' });
    const isLetIn = () =>
      refuseNobles(bus, BY_ADDRESS, 5_000)
        .then(() => true)
        .catch(() => false);
    await eventually(isLetIn, 'the other number');
    await place();
    await (await peer.connect(20_000)).close();
  });

  it('does not hold noble up where there is no bluetoothd to tell whose it is, or one that hangs', async () => {
    const bus = openBus({ log, address: 'unix:path=/nowhere/bus', nobles: 'hci0' });
    onTestFinished(() => bus.close());
    await refuseNobles(bus, BY_ADDRESS, 60_000);
    await bluez.order({ order: 'hang', what: 'GetManagedObjects' });
    await refuseNobles(open('hci0', 60_000), BY_ADDRESS, 100);
  });
});
