import { setTimeout as sleep } from 'node:timers/promises';
import { longUuid } from './advertising.ts';
import type { Placed } from './air.ts';
import { attempt } from './att-errors.ts';
import { never } from './calls.ts';
import { errors } from './errors.ts';
import { type ServiceObjects, serviceObjects } from './gatt-objects.ts';
import { arrive, writeType } from './gatt-write.ts';
import { BATTERY, CHARACTERISTIC, DESCRIPTOR, SERVICE } from './interfaces.ts';
import { ATT, AttError, type GattCharacteristic, type Peripheral } from './peripheral.ts';
import type { Settings } from './settings.ts';
import type { Method, Tree } from './tree.ts';

/** The services of a device as objects (src/gatt-client.c). They stay when the link goes: `Cache = always`. */
export interface Gatt {
  /** Services are found: makes the objects that are not there, and registers again who was notified. */
  resolved(peripheral: Peripheral): void;
  unlinked(): void;
  /** The device sent the value of a characteristic. */
  notified(uuid: string, value: Buffer): void;
  /** Notifications end, while `Notifying` stays true. */
  lose(): void;
  /** A client's connection is gone. */
  forget(sender: string): void;
  /** Notify sessions. */
  notifying(): number;
}

interface Exported {
  path: string;
  characteristic: GattCharacteristic;
  /** Who called StartNotify. It outlives the link. */
  sessions: Set<string>;
  /** The device was told to notify: its client characteristic configuration is written. */
  isSubscribed: boolean;
  isWriting: boolean;
}

const BATTERY_SERVICE = longUuid('180f');

export function createGatt(parts: {
  tree: Tree;
  path: string;
  settings: Settings;
  /** Whom the link reaches. Nobody before the services are resolved: calls are `Not connected` until then. */
  linked(): Placed | undefined;
  drop(): void;
}): Gatt {
  const { tree, path: devicePath, settings, linked, drop } = parts;
  const exported = new Map<string, Exported>();

  function exportService({ path, properties, characteristics }: ServiceObjects): void {
    if (!tree.object(path)) tree.add(path, SERVICE, { properties });
    for (const one of characteristics) exportCharacteristic(one);
  }

  function exportCharacteristic(object: ServiceObjects['characteristics'][number]): void {
    const { path, properties, characteristic, descriptors } = object;
    const known = exported.get(path);
    if (known) {
      // The same object, perhaps another firmware behind it.
      known.characteristic = characteristic;
      return;
    }
    const one = { path, characteristic, sessions: new Set<string>(), isSubscribed: false, isWriting: false };
    exported.set(path, one);
    tree.add(path, CHARACTERISTIC, {
      properties,
      methods: {
        ReadValue: ([options]) => read(one, options),
        WriteValue: ([value, options]) => write(one, value as Buffer, options),
        StartNotify: (_, sender) => startNotify(one, sender),
        StopNotify: (_, sender) => stopNotify(one, sender),
        AcquireWrite: notSupported,
        AcquireNotify: notSupported,
      },
    });
    for (const { path: below, properties: said, value } of descriptors) {
      const ReadValue = async () => [await overTheAir('ReadValue', () => value)];
      tree.add(below, DESCRIPTOR, { properties: said, methods: { ReadValue, WriteValue: notWritable } });
    }
  }

  /** Services that the peripheral has no more. */
  function removeOthers(there: readonly ServiceObjects[]): void {
    const names = tree.children(devicePath).filter((name) => name.startsWith('service'));
    for (const name of names) {
      const path = `${devicePath}/${name}`;
      if (there.some((service) => service.path === path)) continue;
      tree.remove(path);
      for (const below of [...exported.keys()]) if (below.startsWith(`${path}/`)) exported.delete(below);
    }
  }

  /** Does it over the link, at the end of the way there; what ends the link in the middle ends it here. */
  async function overTheAir<T>(at: string, act: (placed: Placed) => T): Promise<T> {
    const placed = linked();
    if (!placed) throw errors.failed('Not connected');
    const { link } = placed;
    await sleep(settings.airMs);
    if (linked() !== placed || placed.link !== link) throw errors.att(ATT.unlikely);
    const { dropAt } = placed;
    if (dropAt?.at !== at) return attempt(() => act(placed));
    placed.dropAt = undefined;
    if (dropAt.effect === 'after') attempt(() => act(placed));
    drop();
    if (dropAt.reply === 'never') return never;
    throw errors.att(ATT.unlikely);
  }

  async function read({ path, characteristic }: Exported, options: unknown): Promise<[Buffer]> {
    const value = await overTheAir('ReadValue', () => {
      if (!characteristic.read) throw new AttError(ATT.readNotPermitted);
      return characteristic.read();
    });
    const offset = Number((options as { offset?: { value: number } }).offset?.value ?? 0);
    if (offset > value.length) throw errors.invalidArguments('Invalid offset');
    // What was read is told as a change too, to everybody.
    tell(path, value);
    return [value.subarray(offset)];
  }

  async function write(one: Exported, value: Buffer, options: unknown): Promise<undefined> {
    const type = writeType(one.characteristic, options);
    if (one.isWriting) throw errors.inProgress('In Progress');
    one.isWriting = true;
    try {
      await overTheAir('WriteValue', (placed) => arrive(placed, one.characteristic, { type, value }));
    } finally {
      one.isWriting = false;
    }
  }

  async function startNotify(one: Exported, sender: string): Promise<undefined> {
    if (!one.characteristic.flags.includes('notify')) throw errors.notSupported();
    if (one.sessions.has(sender)) return;
    // Without a link it is registered at the next one.
    if (linked())
      await overTheAir('StartNotify', () => {
        one.isSubscribed = true;
      });
    one.sessions.add(sender);
    if (one.sessions.size === 1) tree.change(one.path, CHARACTERISTIC, { Notifying: ['b', true] });
  }

  function stopNotify(one: Exported, sender: string): undefined {
    if (!one.sessions.delete(sender)) throw errors.failed('No notify session started');
    if (one.sessions.size > 0) return;
    one.isSubscribed = false;
    tree.change(one.path, CHARACTERISTIC, { Notifying: ['b', false] });
  }

  function tell(path: string, value: Buffer): void {
    tree.change(path, CHARACTERISTIC, { Value: ['ay', value] });
    // One signal a value, never two in one.
    tree.flush();
  }

  return {
    resolved(peripheral) {
      const services = serviceObjects(devicePath, peripheral.services);
      removeOthers(services);
      for (const service of services) exportService(service);
      for (const one of exported.values()) one.isSubscribed = one.sessions.size > 0;
      const battery = peripheral.services.find(({ uuid }) => uuid === BATTERY_SERVICE);
      const level = battery?.characteristics[0]?.read?.();
      if (level) tree.add(devicePath, BATTERY, { properties: { Percentage: ['y', level[0]] } });
    },
    unlinked() {
      for (const one of exported.values()) {
        one.isSubscribed = false;
        // Of a write that was never answered nothing is left but the caller's patience.
        one.isWriting = false;
      }
    },
    notified(uuid, value) {
      const one = [...exported.values()].find(({ characteristic }) => characteristic.uuid === uuid);
      if (one?.isSubscribed) tell(one.path, value);
    },
    lose() {
      for (const one of exported.values()) one.isSubscribed = false;
    },
    forget(sender) {
      for (const one of exported.values()) if (one.sessions.has(sender)) stopNotify(one, sender);
    },
    notifying: () => [...exported.values()].reduce((sum, { sessions }) => sum + sessions.size, 0),
  };
}

const notSupported: Method = () => {
  throw errors.notSupported();
};

const notWritable: Method = () => {
  throw errors.notPermitted('Write not permitted');
};
