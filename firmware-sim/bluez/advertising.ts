/** What an advertisement says, as bluetoothd takes it apart (src/eir.c). */
export interface Heard {
  name?: string;
  txPower?: number;
  appearance?: number;
  uuids: string[];
  /** By company; the last one of a company wins. Undefined: the frame has none. */
  manufacturerData?: Map<number, Buffer>;
  /** By UUID of 128 bits. */
  serviceData?: Map<string, Buffer>;
  /** Core Spec Supplement A §1.3; LE Limited or General Discoverable. */
  isDiscoverable: boolean;
}

/** src/shared/ad.c takes no more of one in this version; longer ones are extended advertising. */
const MANUFACTURER_LIMIT = 27;
const SERVICE_LIMIT = 31 - 2;

/** Octets of UUIDs in lists, by AD type, Assigned Numbers §2.3. */
const LISTS: Record<number, number> = { 2: 2, 3: 2, 4: 4, 5: 4, 6: 16, 7: 16 };
const SERVICE_DATA: Record<number, number> = { 22: 2, 32: 4, 33: 16 };

export function readFrame(data: Buffer): Heard {
  const heard: Heard = { uuids: [], isDiscoverable: false };
  for (let at = 0; at + 1 < data.length; ) {
    const length = data.readUInt8(at);
    const end = at + 1 + length;
    if (length === 0 || end > data.length) break;
    readStructure(heard, data.readUInt8(at + 1), data.subarray(at + 2, end));
    at = end;
  }
  return heard;
}

function readStructure(heard: Heard, type: number, value: Buffer): void {
  const list = LISTS[type];
  const service = SERVICE_DATA[type];
  if (list) {
    for (let at = 0; at + list <= value.length; at += list)
      heard.uuids.push(uuid(value.subarray(at, at + list)));
  } else if (service && value.length >= service && value.length - service <= SERVICE_LIMIT - service) {
    heard.serviceData ??= new Map();
    heard.serviceData.set(uuid(value.subarray(0, service)), Buffer.from(value.subarray(service)));
  } else if (type === 0xff && value.length >= 2 && value.length - 2 <= MANUFACTURER_LIMIT) {
    heard.manufacturerData ??= new Map();
    heard.manufacturerData.set(value.readUInt16LE(0), Buffer.from(value.subarray(2)));
  } else if (type === 0x01 && value.length > 0) {
    heard.isDiscoverable = (value.readUInt8(0) & 0x03) !== 0;
  } else if (type === 0x08 || type === 0x09) {
    heard.name = value.toString('utf8');
  } else if (type === 0x0a && value.length === 1) {
    heard.txPower = value.readInt8(0);
  } else if (type === 0x19 && value.length === 2) {
    heard.appearance = value.readUInt16LE(0);
  }
}

/** Little-endian octets of 2, 4 or 16 → lower case with 128 bits, Core Spec vol 3 B §2.5.1. */
function uuid(octets: Buffer): string {
  const hex = Buffer.from(octets).reverse().toString('hex');
  return hex.length === 32 ? dashed(hex) : longUuid(hex);
}

/** `181a` → `0000181a-0000-1000-8000-00805f9b34fb`; a long one stays. */
export function longUuid(short: string): string {
  return short.length > 8 ? short : `${short.padStart(8, '0')}-0000-1000-8000-00805f9b34fb`;
}

function dashed(hex: string): string {
  return [0, 8, 12, 16, 20, 32]
    .slice(0, 5)
    .map((at, i) => hex.slice(at, [8, 12, 16, 20, 32][i]))
    .join('-');
}
