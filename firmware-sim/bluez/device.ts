import type { Heard } from './advertising.ts';
import type { Report } from './air.ts';
import { changedByFrame, firstProperties } from './device-properties.ts';
import { errors } from './errors.ts';
import { DEVICE } from './interfaces.ts';
import { createLink, type DeviceLink } from './link.ts';
import type { Settings } from './settings.ts';
import type { Tree } from './tree.ts';

/** A device that bluetoothd knows of: the object `dev_…` of an adapter (src/device.c). */
export interface Device {
  readonly address: string;
  readonly path: string;
  readonly link: DeviceLink;
  hear(heard: Heard, report: Report, how: { isFiltered: boolean; duplicates: boolean }): void;
  /** Discovery ended: how near it is, is no longer known. True: it is of no more use and goes. */
  unhear(): boolean;
  isStored(): boolean;
  /** Of the adapter only: ends the link, takes the objects away. */
  remove(): void;
}

export interface DeviceParts {
  tree: Tree;
  settings: Settings;
  adapterPath: string;
  address: string;
  addressType: 'public' | 'random';
  name?: string | undefined;
  isStored: boolean;
  isPowered(): boolean;
  /** Nobody heard it for long. */
  onExpired(): void;
  onStored(name: string | undefined): void;
  radio: Parameters<typeof createLink>[0]['radio'];
}

/** dB that a report has to differ by where a client set no filter. */
const RSSI_THRESHOLD = 8;

export function devicePath(adapterPath: string, address: string): string {
  return `${adapterPath}/dev_${address.replaceAll(':', '_')}`;
}

export function createDevice(parts: DeviceParts): Device {
  const { tree, settings, adapterPath, address, addressType, onExpired } = parts;
  const path = devicePath(adapterPath, address);
  let isStored = parts.isStored;
  let isConnectable = true;
  let expiry: NodeJS.Timeout | undefined;

  const link = createLink({
    tree,
    path,
    settings,
    address,
    radio: parts.radio,
    isPowered: parts.isPowered,
    onWanted: store,
    onEnd: expireLater,
  });
  const get = (property: string) => tree.get(path, DEVICE, property);
  const rewrite = (property: string, signature: string) => (value: unknown) =>
    tree.change(path, DEVICE, { [property]: [signature, value] });
  const unsupported = () => {
    throw errors.notSupported();
  };
  tree.add(path, DEVICE, {
    properties: firstProperties(parts),
    methods: {
      Connect: link.connect,
      Disconnect: link.disconnect,
      ConnectProfile: unsupported,
      DisconnectProfile: unsupported,
      CancelPairing: () => {
        throw errors.doesNotExist();
      },
      Pair() {
        store();
        tree.change(path, DEVICE, { Paired: ['b', true], Bonded: ['b', true] });
        return undefined;
      },
    },
    setters: {
      Alias: rewrite('Alias', 's'),
      Trusted: rewrite('Trusted', 'b'),
      Blocked: rewrite('Blocked', 'b'),
      WakeAllowed: rewrite('WakeAllowed', 'b'),
    },
  });

  // A resolvable or non-resolvable private address is not stored: it will never come again.
  function store(): void {
    if (isStored || isPrivate(address, addressType)) return;
    isStored = true;
    clearTimeout(expiry);
    parts.onStored(get('Name') as string | undefined);
  }

  function expireLater(): void {
    clearTimeout(expiry);
    if (isStored || settings.temporaryMs === 0) return;
    expiry = setTimeout(() => (link.isBusy() ? expireLater() : onExpired()), settings.temporaryMs);
  }

  expireLater();
  return {
    address,
    path,
    link,
    hear(heard, report, { isFiltered, duplicates }) {
      isConnectable = report.connectable;
      const changed = changedByFrame(heard, get, { duplicates, resolved: link.isResolved() });
      const before = get('RSSI');
      const differs = typeof before !== 'number' || Math.abs(before - report.rssi) >= RSSI_THRESHOLD;
      if (report.rssi !== 0 && (isFiltered || differs)) changed.RSSI = ['n', report.rssi];
      tree.change(path, DEVICE, changed);
      expireLater();
    },
    unhear() {
      tree.change(path, DEVICE, { RSSI: undefined, TxPower: undefined });
      return !isStored && !isConnectable && !link.isBusy();
    },
    isStored: () => isStored,
    remove() {
      clearTimeout(expiry);
      link.cut('quietly');
      tree.remove(path);
    },
  };
}

/** Core Spec vol 6 B §1.3.2.2: the two highest bits of a private address are 00 or 01. */
function isPrivate(address: string, addressType: string): boolean {
  return addressType === 'random' && Number.parseInt(address.slice(0, 2), 16) < 0x80;
}
