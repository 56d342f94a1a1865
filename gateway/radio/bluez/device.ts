import type { FoundCharacteristic } from '../../../devices/gatt/profile.ts';
import type { BusSession, Properties } from './bus.ts';
import { type BusError, isNoObject } from './bus-error.ts';
import type { LinkWatch } from './link-watch.ts';
import type { BleDevice } from './load-gatt.ts';

export const DEVICE = 'org.bluez.Device1';
const SERVICE = 'org.bluez.GattService1';
const CHARACTERISTIC = 'org.bluez.GattCharacteristic1';

/** `Disconnect` is answered before `Connected` is false. */
const DOWN_MS = 3_000;
/** bluetoothd can say that services are resolved before it has told of the last of them (bluez#1489). */
const LISTINGS = 3;
const LISTING_PAUSE_MS = 300;

/** What bluetoothd knows of the device at `path`; nothing where it does not know it. */
export async function deviceProperties(
  session: BusSession,
  path: string,
  ms?: number,
): Promise<Properties | undefined> {
  const getAll = { path, interface: 'org.freedesktop.DBus.Properties', member: 'GetAll' };
  try {
    const [boxed] = await session.call({ ...getAll, signature: 's', body: [DEVICE] }, ms);
    const properties = Object.entries(boxed as Record<string, { value: unknown }>);
    return Object.fromEntries(properties.map(([name, { value }]) => [name, value]));
  } catch (error) {
    if (isNoObject(error as BusError) || isNoInterface(error as BusError)) return undefined;
    throw error;
  }
}

/** gdbus says so of an object that has lost the interface, and is about to go. */
function isNoInterface({ type }: BusError): boolean {
  return type === 'org.freedesktop.DBus.Error.InvalidArgs';
}

/** A characteristic, and the last two parts of its path. */
export interface ListedCharacteristic extends FoundCharacteristic {
  servicePart: string;
  part: string;
}

/** The characteristics of the device at `path`. */
export async function listCharacteristics(
  session: BusSession,
  path: string,
): Promise<ListedCharacteristic[]> {
  for (let listing = 1; ; listing += 1) {
    const objects = await session.objects();
    const found = Object.entries(objects).flatMap(([at, { [CHARACTERISTIC]: one }]) => {
      if (!one || !at.startsWith(`${path}/`)) return [];
      const [servicePart = '', part = ''] = at.slice(path.length + 1).split('/');
      const service = objects[`${path}/${servicePart}`]?.[SERVICE]?.UUID;
      const properties = Array.isArray(one.Flags) ? one.Flags.map(String) : [];
      return [{ service: String(service), characteristic: String(one.UUID), properties, servicePart, part }];
    });
    if (found.length > 0 || listing === LISTINGS) return found;
    await new Promise((resolve) => setTimeout(resolve, LISTING_PAUSE_MS));
  }
}

/**
 * Disconnects, which ends a connect that is under way too, and waits until the link is down. Leaves none of
 * node-ble's listeners. Never rejects.
 */
export async function hangUp(session: BusSession, device: BleDevice, watch: LinkWatch): Promise<void> {
  const answers = await session.within('disconnecting', device.disconnect()).then(
    () => true,
    (error: BusError) => error.type !== 'deadline',
  );
  // bluetoothd that answers neither this nor what came before is of no use to anybody.
  if (!answers) session.abandon('bluetoothd does not answer');
  else if (watch.isUp()) await session.within('the end of the link', watch.downed, DOWN_MS).catch(() => {});
  watch.stop();
  release(session, device);
}

/** Takes node-ble's listeners off, and their match rules from the bus. */
export function release(
  session: BusSession,
  object: { helper: { removeListeners(): void }; removeAllListeners(): unknown },
): void {
  object.removeAllListeners();
  if (!session.isOver()) object.helper.removeListeners();
}
