import type { GattLink, GattPeer } from '../gatt/peer.ts';
import { whyNoLink } from '../radio-problems.ts';
import { nameAt } from './adapters.ts';
import { type BluezBus, type BusSession, DEADLINE_MS } from './bus.ts';
import { type BusError, isNoObject } from './bus-error.ts';
import { deviceProperties, hangUp, listCharacteristics } from './device.ts';
import { discovery } from './discovery.ts';
import { type BluezLink, bluezLink } from './link.ts';
import { watchLink } from './link-watch.ts';
import { type BleDevice, gattOf } from './load-gatt.ts';
import { type AdapterPlace, readWantedAdapter, wantedName, whereIs, whyAbsent } from './wanted-adapter.ts';

export interface BluezPeerOptions {
  bus: BluezBus;
  /** `hci0` …, or its address. */
  adapter: string;
  /** Lower case, colons. */
  address: string;
  /** Whether this process scans on the adapter; otherwise a device that bluetoothd does not know is looked for. */
  isScanned: boolean;
}

/** A thermostat advertises each second or two. */
const SEEK_MS = 10_000;
const SEEK_EVERY_MS = 500;

/**
 * A thermostat behind BlueZ. It keeps one Device object of node-ble's for each life of bluetoothd and of the
 * adapter's name.
 */
export function bluezPeer({ bus, adapter, address, isScanned }: BluezPeerOptions): GattPeer {
  const wanted = readWantedAdapter(adapter);
  const name = `dev_${address.replaceAll(':', '_').toUpperCase()}`;
  let session: BusSession | undefined;
  let whyNone = '';
  let tellKnown = () => {};
  /** Whether there is a bluetoothd; until the first attempt to reach it has ended nobody knows. */
  const known = new Promise<void>((resolve) => {
    tellKnown = resolve;
  });
  let device: { of: BleDevice; adapterPath: string } | undefined;
  let adapterName = wantedName(wanted);
  let link: BluezLink | undefined;
  let attempt: Promise<GattLink> | undefined;
  let abort = () => {};
  let closed = false;

  const unfollow = bus.follow({
    onSession(next) {
      link?.lost(new Error('bluetoothd was started anew'));
      session = next;
      device = undefined;
      tellKnown();
    },
    onNone(why) {
      session = undefined;
      if (why === undefined) return;
      whyNone = why;
      tellKnown();
      link?.lost(new Error(why));
    },
  });

  async function connect(deadlineMs: number): Promise<GattLink> {
    const until = performance.now() + deadlineMs;
    const left = () => Math.max(until - performance.now(), 1);
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(new Error('closed'));
    });
    aborted.catch(() => {});
    await Promise.race([known, aborted]);
    const current = session;
    if (closed || !current) throw new Error(closed ? 'closed' : whyNone);
    const wait = <T>(what: string, work: Promise<T>) =>
      Promise.race([current.within(what, work, left()), aborted]);

    const at = whereNow(current);
    const path = `${at.path}/${name}`;
    const isHeard = await isThere(current, at, left());
    if (closed) throw new Error('closed');
    if (!at.isStill()) throw new Error(whyAbsent(current, wanted));
    if (!isHeard) throw new Error(`${at.name} does not hear ${address}`);
    const gatt = gattOf(current.bluetooth);
    const adapterPart = nameAt(at.path);
    if (device?.adapterPath !== at.path) {
      device = { of: gatt.device(adapterPart, name), adapterPath: at.path };
    }
    const mine = device.of;
    const watch = watchLink(current, path);
    try {
      // A connect whose device is removed may stay unanswered.
      await wait('connecting', Promise.race([mine.connect(), watch.resolved]));
      // A link that was up before the call is not signalled.
      watch.know({ ...(await deviceProperties(current, path, left())), Connected: true });
      await wait('finding services', watch.resolved);
      const found = await listCharacteristics(current, path);
      if (closed || !watch.isUp()) throw new Error('the link was lost');
      link = bluezLink(current, mine, watch, found, ({ servicePart, part }) =>
        gatt.characteristic(adapterPart, name, servicePart, part),
      );
      return link;
    } catch (error) {
      await hangUp(current, mine, watch);
      throw error;
    }
  }

  function whereNow(current: BusSession): AdapterPlace {
    const at = whereIs(current, wanted);
    if ('why' in at) throw new Error(at.why);
    adapterName = at.name;
    return at;
  }

  async function isThere(current: BusSession, at: AdapterPlace, ms: number): Promise<boolean> {
    const isKnown = async () => (await deviceProperties(current, `${at.path}/${name}`)) !== undefined;
    if (await isKnown()) return true;
    if (isScanned || current.scanned.has(at.path)) return false;
    return seek(current, at, isKnown, Math.min(SEEK_MS, ms));
  }

  async function seek(
    current: BusSession,
    at: AdapterPlace,
    isFound: () => Promise<boolean>,
    ms: number,
  ): Promise<boolean> {
    const times = { startMs: DEADLINE_MS, powerOffMs: 0 };
    const scan = discovery(current, at.path, times);
    const until = performance.now() + ms;
    await scan.start().catch((error: BusError) => {
      throw isNoObject(error) ? new Error(whyAbsent(current, wanted)) : error;
    });
    try {
      while (performance.now() < until && !closed && at.isStill()) {
        if (await isFound()) return true;
        await new Promise((resolve) => setTimeout(resolve, SEEK_EVERY_MS));
      }
      return false;
    } finally {
      // A scan of the radio's that was begun meanwhile is this connection's too.
      if (!current.scanned.has(at.path)) await scan.stop().catch(() => {});
    }
  }

  return {
    connect(deadlineMs) {
      attempt = connect(deadlineMs).catch((error: Error) => {
        throw new Error(whyNoLink(error, adapterName));
      });
      return attempt;
    },
    async close() {
      closed = true;
      unfollow();
      abort();
      await attempt?.catch(() => {});
      await link?.close();
    },
  };
}
