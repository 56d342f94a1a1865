import { readFrame } from './advertising.ts';
import type { Placed, Report } from './air.ts';
import { createDevice, type Device, devicePath } from './device.ts';
import { createDiscovery, FILTER_KEYS } from './discovery.ts';
import { errors } from './errors.ts';
import { ADAPTER } from './interfaces.ts';
import type { Settings } from './settings.ts';
import type { Tree } from './tree.ts';

/** An adapter as bluetoothd has it (src/adapter.c). */
export interface Adapter {
  /** A report of the air. False: nobody listens. */
  hear(report: Report): boolean;
  power(on: boolean): void;
  mute(on: boolean): void;
  stopScan(): void;
  removeDevice(address: string): void;
  /** A connection to the bus is gone. */
  forget(sender: string): void;
  /** Unplugged: its devices' objects go, then its own. */
  remove(): void;
  counts(): { sessions: number; filters: number; notifying: number; connected: number };
}

/** What bluetoothd keeps of a device on its disk. */
export interface Stored {
  addressType: 'public' | 'random';
  name?: string | undefined;
}

export interface AdapterParts {
  tree: Tree;
  settings: Settings;
  name: string;
  address: string;
  powered: boolean;
  find(address: string): Placed | undefined;
  onConnecting(change: 1 | -1): void;
  stored: Map<string, Stored>;
}

/** LE alone: what a dongle of Bluetooth 4.0 says. */
const NAME = 'shop';
const CLASS = 0x00_01_0c;

export function createAdapter(parts: AdapterParts): Adapter {
  const { tree, settings, name, address, stored } = parts;
  const path = `/org/bluez/${name}`;
  const devices = new Map<string, Device>();
  const discovery = createDiscovery();
  let powered = parts.powered;
  let muted = false;
  /** Connects under way: the kernel does not scan meanwhile. */
  let connecting = 0;

  const change = (changed: Parameters<Tree['change']>[2]) => tree.change(path, ADAPTER, changed);
  const setDiscovering = (on: boolean) => change({ Discovering: ['b', on] });
  const rewrite = (property: string, signature: string) => (value: unknown) =>
    change({ [property]: [signature, value] });
  const needPower = () => {
    if (!powered) throw errors.notReady();
  };

  function endDiscovery(): void {
    for (const device of [...devices.values()]) if (device.unhear()) drop(device);
    setDiscovering(false);
  }

  function drop(device: Device): void {
    devices.delete(device.address);
    device.remove();
  }

  function know(deviceAddress: string, { addressType, name: called }: Stored): Device {
    const device = createDevice({
      tree,
      settings,
      adapterPath: path,
      address: deviceAddress,
      addressType,
      name: called,
      isStored: stored.has(deviceAddress),
      isPowered: () => powered,
      onExpired: () => drop(device),
      onStored: (latest) => stored.set(deviceAddress, { addressType, name: latest }),
      radio: {
        find: parts.find,
        connecting(by) {
          connecting += by;
          parts.onConnecting(by);
        },
      },
    });
    devices.set(deviceAddress, device);
    return device;
  }

  function removeByPath(wanted: string): void {
    needPower();
    const device = [...devices.values()].find((one) => one.path === wanted);
    if (!device) throw errors.doesNotExist();
    stored.delete(device.address);
    drop(device);
  }

  function power(on: boolean): void {
    if (on === powered) return;
    powered = on;
    if (on) return change({ Powered: ['b', true], Class: ['u', CLASS] });
    const wasDiscovering = tree.get(path, ADAPTER, 'Discovering') === true;
    discovery.end('sessions and filters');
    for (const device of devices.values()) device.link.cut('told');
    if (wasDiscovering) endDiscovery();
    change({ Class: ['u', 0], Powered: ['b', false] });
  }

  tree.add(path, ADAPTER, {
    properties: {
      Address: ['s', address],
      AddressType: ['s', 'public'],
      Name: ['s', NAME],
      Alias: ['s', NAME],
      Class: ['u', powered ? CLASS : 0],
      Powered: ['b', powered],
      Discoverable: ['b', false],
      DiscoverableTimeout: ['u', 180],
      Pairable: ['b', false],
      PairableTimeout: ['u', 0],
      Discovering: ['b', false],
      UUIDs: ['as', []],
      Roles: ['as', ['central', 'peripheral']],
    },
    setters: {
      Powered: (value) => power(value === true),
      Alias: rewrite('Alias', 's'),
      Discoverable: rewrite('Discoverable', 'b'),
      DiscoverableTimeout: rewrite('DiscoverableTimeout', 'u'),
      Pairable: rewrite('Pairable', 'b'),
      PairableTimeout: rewrite('PairableTimeout', 'u'),
    },
    methods: {
      StartDiscovery(_, sender) {
        needPower();
        if (discovery.start(sender)) setDiscovering(true);
        return undefined;
      },
      StopDiscovery(_, sender) {
        needPower();
        if (discovery.stop(sender)) endDiscovery();
        return undefined;
      },
      SetDiscoveryFilter([filter], sender) {
        needPower();
        discovery.setFilter(sender, filter);
        return undefined;
      },
      GetDiscoveryFilters: () => [Object.keys(FILTER_KEYS)],
      RemoveDevice([wanted]) {
        removeByPath(String(wanted));
        return undefined;
      },
    },
  });
  for (const [deviceAddress, kept] of stored) know(deviceAddress, kept);

  return {
    hear(report) {
      if (!powered || muted || connecting > 0) return false;
      const heard = readFrame(report.data);
      if (!discovery.takes(heard, report)) return false;
      const isFiltered = discovery.isFiltered();
      const known = devices.get(report.address);
      // Without a filter only what says that it wants to be found makes a device.
      if (!known && !isFiltered && !heard.isDiscoverable) return true;
      const device = known ?? know(report.address, { addressType: report.addressType });
      device.hear(heard, report, { isFiltered, duplicates: discovery.wantsDuplicates() });
      return true;
    },
    power,
    mute(on) {
      muted = on;
    },
    stopScan() {
      discovery.end('sessions');
      endDiscovery();
    },
    removeDevice: (deviceAddress) => removeByPath(devicePath(path, deviceAddress)),
    forget(sender) {
      if (discovery.forget(sender)) endDiscovery();
      for (const device of devices.values()) device.link.gatt.forget(sender);
    },
    remove() {
      for (const device of [...devices.values()].reverse()) drop(device);
      tree.remove(path);
    },
    counts: () => ({
      ...discovery.counts(),
      notifying: [...devices.values()].reduce((sum, { link }) => sum + link.gatt.notifying(), 0),
      connected: [...devices.values()].filter(({ link }) => link.isUp()).length,
    }),
  };
}
