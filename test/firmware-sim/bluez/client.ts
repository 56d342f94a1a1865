import { createRequire } from 'node:module';
import { until } from '../../support/until.ts';

type Dbus = typeof import('dbus-next', { with: { 'resolution-mode': 'require' }});
const dbus: Dbus = createRequire(import.meta.url)('dbus-next');

/** A signal of org.bluez as it came, with plain values in place of variants and octets in hex. */
export interface Seen {
  path: string;
  member: string;
  body: unknown[];
}

/** A client of the mock with a connection of its own that stays, at the level of messages. */
export interface Client {
  /** The body of the answer; throws `Error` with the D-Bus error's name and text. */
  call(path: string, member: string, signature?: string, ...body: unknown[]): Promise<unknown[]>;
  get(path: string, property: string): Promise<unknown>;
  /** Signals since the start or since `forget`, in their order. */
  seen: Seen[];
  /** Waits for a signal that fits. */
  sees(what: (signal: Seen) => boolean): Promise<Seen>;
  objects(): Promise<string[]>;
  /** Every signal that the mock sent until now is seen: it comes before the answer to a call. */
  caughtUp(): Promise<void>;
  close(): void;
}

export const HCI0 = '/org/bluez/hci0';
export const variant = (signature: string, value: unknown) => new dbus.Variant(signature, value);
export const SCAN = { Transport: variant('s', 'le'), DuplicateData: variant('b', true) };
export const device = (address: string) => `${HCI0}/dev_${address.replaceAll(':', '_')}`;

const INTERFACES: Record<string, string> = {
  Get: 'org.freedesktop.DBus.Properties',
  GetAll: 'org.freedesktop.DBus.Properties',
  Set: 'org.freedesktop.DBus.Properties',
  GetManagedObjects: 'org.freedesktop.DBus.ObjectManager',
  Introspect: 'org.freedesktop.DBus.Introspectable',
  Connect: 'org.bluez.Device1',
  Disconnect: 'org.bluez.Device1',
  StartNotify: 'org.bluez.GattCharacteristic1',
  StopNotify: 'org.bluez.GattCharacteristic1',
};

function interfaceOf(path: string, member: string): string {
  if (member.endsWith('Value'))
    return `org.bluez.Gatt${path.includes('/desc') ? 'Descriptor' : 'Characteristic'}1`;
  return INTERFACES[member] ?? 'org.bluez.Adapter1';
}

export async function openClient(busAddress: string): Promise<Client> {
  const bus = dbus.sessionBus({ busAddress });
  await new Promise<void>((resolve) => bus.once('connect', () => resolve()));
  const seen: Seen[] = [];
  bus.on('message', ({ path, interface: iface, member, body, type }) => {
    if (type === 4 && iface.startsWith('org.freedesktop.DBus.')) {
      seen.push({ path, member, body: body.map(plain) });
    }
  });
  const send = async (
    destination: string,
    path: string,
    iface: string,
    member: string,
    signature: string,
    body: unknown[],
  ) => {
    const answer = bus.call(
      new dbus.Message({ destination, path, interface: iface, member, signature, body }),
    );
    return (await answer.catch(rethrow))?.body ?? [];
  };
  const daemon = ['org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus'] as const;
  await send(...daemon, 'AddMatch', 's', ["type='signal',sender='org.bluez'"]);
  const call: Client['call'] = (path, member, signature = '', ...body) =>
    send('org.bluez', path, interfaceOf(path, member), member, signature, body);
  return {
    call,
    async get(path, property) {
      const iface = path.includes('/char')
        ? 'GattCharacteristic1'
        : path.includes('/dev_')
          ? 'Device1'
          : 'Adapter1';
      return plain((await call(path, 'Get', 'ss', `org.bluez.${iface}`, property))[0]);
    },
    seen,
    async sees(what) {
      await until(() => seen.some(what), 'a signal');
      return seen.find(what) as Seen;
    },
    objects: async () => Object.keys((await call('/', 'GetManagedObjects'))[0] as object),
    caughtUp: () => send('org.bluez', '/', 'org.freedesktop.DBus.Peer', 'Ping', '', []).then(() => {}),
    close: () => bus.disconnect(),
  };
}

/** The changed set of a PropertiesChanged of this object, and what it invalidates. */
export function changes({ seen }: Client, path: string): { changed: unknown; gone: unknown }[] {
  return seen
    .filter((signal) => signal.member === 'PropertiesChanged' && signal.path === path)
    .map(({ body }) => ({ changed: body[1], gone: body[2] }));
}

function rethrow(error: { type?: string; text?: string }): never {
  throw new Error(`${error.type}: ${error.text}`);
}

function plain(value: unknown): unknown {
  if (value instanceof dbus.Variant) return plain(value.value);
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}
