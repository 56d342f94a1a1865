import {
  type AdStructure,
  EXTENDED_DATA_LIMIT,
  writeAdvertisingData,
} from '../../../devices/wire/advertising-data.ts';
import { fromHex } from '../../../devices/wire/hex.ts';
import type { LeReport } from '../le-reports.ts';
import type { BluezSignal, ManagedObjects, Properties } from './bus.ts';

/**
 * Frames of BlueZ's signals. BlueZ gives no raw advertisement away, but with `DuplicateData` each one that it
 * hears makes a signal: the first of a device InterfacesAdded, every other PropertiesChanged with `RSSI` in it, and
 * of the properties only those that this very advertisement carried. So a frame is made of what the signal says
 * *changed*, never of what a device's properties hold; they keep what was heard long ago.
 *
 * What comes through, octet for octet: service data (AD types 0x16, 0x20, 0x21) and manufacturer data (0xFF), in
 * ascending order of type and then of UUID or company as they go over the air; address, its type and RSSI. That is
 * all that the gateway reads. What does not, for BlueZ withholds it:
 * - flags, names, lists of UUIDs and every other structure (told once, not with each frame): a frame of nothing
 *   else is one without data;
 * - the order of structures, and all but the last of two of the same UUID or company in one frame;
 * - manufacturer data of more than 27 octets, service data of more than 29 less its UUID (BlueZ 5.66, shared/ad.c);
 * - whether it was an advertisement or its scan response: the kernel puts the two together into one;
 * - repeats that the controller's own filter holds back: an unchanged frame comes each 10 s or so at worst;
 * - the earlier of two frames of one device within one turn of bluetoothd's loop.
 */
export interface DeviceFrames {
  /** The devices that there are: their address types, no frame. */
  know(objects: ManagedObjects): void;
  /** The frame that a signal of this adapter's devices is, if it is one. */
  read(signal: BluezSignal): LeReport | undefined;
  /** How many devices are remembered: those with a public address that BlueZ has, nobody's rotating one. */
  known(): number;
}

const DEVICE = 'org.bluez.Device1';

/** Frames of the adapter at `path`, e.g. `/org/bluez/hci0`. */
export function deviceFrames(path: string): DeviceFrames {
  const start = `${path}/dev_`;
  // Only InterfacesAdded says the type of an address; what is not in here is random.
  const publicDevices = new Set<string>();
  const know = (device: string, properties: Properties): void => {
    if (properties.AddressType === 'public') publicDevices.add(device);
    else publicDevices.delete(device);
  };
  const report = (device: string, heard: Properties): LeReport | undefined => {
    if (!('RSSI' in heard || 'ManufacturerData' in heard || 'ServiceData' in heard)) return undefined;
    return {
      address: device.slice(start.length).replaceAll('_', ':').toLowerCase(),
      addressType: publicDevices.has(device) ? 'public' : 'random',
      rssi: readRssi(heard.RSSI),
      data: writeAdvertisingData(structures(heard), EXTENDED_DATA_LIMIT),
    };
  };
  return {
    know(objects) {
      for (const [object, { [DEVICE]: properties }] of Object.entries(objects)) {
        if (properties && object.startsWith(start)) know(object, properties);
      }
    },
    read(signal) {
      const { kind, path: object } = signal;
      if (!object.startsWith(start)) return undefined;
      if (kind === 'changed') return signal.interface === DEVICE ? report(object, signal.changed) : undefined;
      if (kind === 'removed') {
        if (signal.interfaces.includes(DEVICE)) publicDevices.delete(object);
        return undefined;
      }
      const properties = signal.interfaces[DEVICE];
      if (!properties) return undefined;
      know(object, properties);
      // A device without RSSI is one that bluetoothd had on disk.
      return 'RSSI' in properties ? report(object, properties) : undefined;
    },
    known: () => publicDevices.size,
  };
}

/** −127…+20 dBm, as the controller's report has it; 127 means "not available". */
function readRssi(value: unknown): number | null {
  return typeof value === 'number' && value >= -127 && value <= 20 ? value : null;
}

function structures({ ServiceData, ManufacturerData }: Properties): AdStructure[] {
  let room = EXTENDED_DATA_LIMIT;
  const fits = ({ value }: AdStructure): boolean => {
    const length = 2 + value.length;
    if (value.length > LONGEST_VALUE || length > room) return false;
    room -= length;
    return true;
  };
  return [
    ...octetsById(ServiceData, serviceUuid),
    ...octetsById(ManufacturerData, (company) => ({ type: 0xff, id: littleEndian(Number(company), 2) })),
  ]
    .sort((a, b) => a.type - b.type || Buffer.compare(a.id, b.id))
    .filter(fits);
}

/** The length octet counts the type too, Core Spec vol 3 C §11. */
const LONGEST_VALUE = 254;

interface Leading {
  type: number;
  id: Uint8Array;
}

/** `a{qv}` or `a{sv}` of octets: AD structures with the id in front, Core Spec Supplement A §1.4 and §1.11. */
function octetsById(
  dictionary: unknown,
  lead: (key: string) => Leading | undefined,
): (AdStructure & Leading)[] {
  const boxed = (dictionary ?? {}) as Record<string, { value?: unknown } | undefined>;
  return Object.entries(boxed).flatMap(([key, octets]) => {
    const leading = lead(key);
    if (!leading || !Buffer.isBuffer(octets?.value)) return [];
    return { ...leading, value: Buffer.concat([leading.id, octets.value]) };
  });
}

/** Core Spec vol 3 B §2.5.1: what is an alias of the Bluetooth Base UUID was sent in its short form. */
const BASE_UUID = '-0000-1000-8000-00805f9b34fb';

function serviceUuid(uuid: string): Leading | undefined {
  if (uuid.endsWith(BASE_UUID)) {
    const short = Number.parseInt(uuid.slice(0, 8), 16);
    return short > 0xffff
      ? { type: 0x20, id: littleEndian(short, 4) }
      : { type: 0x16, id: littleEndian(short, 2) };
  }
  const octets = fromHex(uuid.replaceAll('-', ''));
  return octets?.length === 16 ? { type: 0x21, id: octets.reverse() } : undefined;
}

function littleEndian(value: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (value >>> (8 * i)) & 0xff);
}
