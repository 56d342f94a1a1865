import type { GattLink, GattPeer } from '../gatt/peer.ts';
import { noAdapter, whyNoLink } from '../radio-problems.ts';
import { type BluezBus, type BusSession, DEADLINE_MS } from './bus.ts';
import { type BusError, isNoObject } from './bus-error.ts';
import { deviceProperties, hangUp, listCharacteristics } from './device.ts';
import { discovery } from './discovery.ts';
import { type BluezLink, bluezLink } from './link.ts';
import { watchLink } from './link-watch.ts';
import { type BleDevice, gattOf } from './load-gatt.ts';

export interface BluezPeerOptions {
  bus: BluezBus;
  /** `hci0` … */
  adapter: string;
  /** Lower case, colons. */
  address: string;
  /** Whether this process scans on the adapter; otherwise a device that bluetoothd does not know is looked for. */
  isScanned: boolean;
}

/** A thermostat advertises each second or two. */
const SEEK_MS = 10_000;
const SEEK_EVERY_MS = 500;

/** A thermostat behind BlueZ. It keeps one Device object of node-ble's for each life of bluetoothd. */
export function bluezPeer({ bus, adapter, address, isScanned }: BluezPeerOptions): GattPeer {
  const name = `dev_${address.replaceAll(':', '_').toUpperCase()}`;
  const path = `/org/bluez/${adapter}/${name}`;
  let session: BusSession | undefined;
  let whyNone = '';
  let tellKnown = () => {};
  /** Whether there is a bluetoothd; until the first attempt to reach it has ended nobody knows. */
  const known = new Promise<void>((resolve) => {
    tellKnown = resolve;
  });
  let device: BleDevice | undefined;
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

    if (!(await isThere(current, left()))) throw new Error(`${adapter} does not hear ${address}`);
    if (closed) throw new Error('closed');
    const gatt = gattOf(current.bluetooth);
    device ??= gatt.device(adapter, name);
    const mine = device;
    const watch = watchLink(current, path);
    try {
      await wait('connecting', mine.connect());
      // A link that was up before the call is not signalled.
      watch.know({ ...(await deviceProperties(current, path, left())), Connected: true });
      await wait('finding services', watch.resolved);
      const found = await listCharacteristics(current, path);
      if (closed || !watch.isUp()) throw new Error('the link was lost');
      link = bluezLink(current, mine, watch, found, ({ servicePart, part }) =>
        gatt.characteristic(adapter, name, servicePart, part),
      );
      return link;
    } catch (error) {
      await hangUp(current, mine, watch);
      throw error;
    }
  }

  async function isThere(current: BusSession, ms: number): Promise<boolean> {
    const isKnown = async () => (await deviceProperties(current, path)) !== undefined;
    if (await isKnown()) return true;
    return !isScanned && seek(current, isKnown, Math.min(SEEK_MS, ms));
  }

  async function seek(current: BusSession, isFound: () => Promise<boolean>, ms: number): Promise<boolean> {
    const times = { startMs: DEADLINE_MS, powerOffMs: 0 };
    const scan = discovery(current, `/org/bluez/${adapter}`, times);
    const until = performance.now() + ms;
    await scan.start().catch((error: BusError) => {
      throw isNoObject(error) ? new Error(noAdapter(adapter)) : error;
    });
    try {
      while (performance.now() < until && !closed) {
        if (await isFound()) return true;
        await new Promise((resolve) => setTimeout(resolve, SEEK_EVERY_MS));
      }
      return false;
    } finally {
      await scan.stop().catch(() => {});
    }
  }

  return {
    connect(deadlineMs) {
      attempt = connect(deadlineMs).catch((error: Error) => {
        throw new Error(whyNoLink(error, adapter));
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
