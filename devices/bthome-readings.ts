import { type BleReadings, type FrameNumber, PRESSES, type Press, type Reading } from './device.ts';
import { type AdStructure, serviceData } from './wire/advertising-data.ts';
import { BTHOME, type BthomeFrame, type BthomeObject, readBthome } from './wire/bthome.ts';
import { toHex } from './wire/hex.ts';

/** Object ids, bthome.io/format. */
const PACKET_ID = 0x00;
const BATTERY = 0x01;
const BUTTON = 0x3a;
const TEMPERATURES = new Set([0x02, 0x45, 0x57, 0x58]);
const HUMIDITIES = new Set([0x03, 0x2e]);
const CO2 = 0x12;

/**
 * What a BTHome frame of a known device says. Nothing where it is not BTHome, where it cannot be
 * opened, and where it is plain although the device has a bind key: anybody could have sent it.
 */
export function readBthomeFrame(
  structures: AdStructure[],
  from: { address: string; key?: Uint8Array },
): BleReadings | undefined {
  const data = serviceData(structures, BTHOME);
  const frame = data && readBthome(data, from);
  if (!data || !frame?.objects || (from.key && !frame.encrypted)) return undefined;
  return { readings: readingsOf(frame.objects), number: numberOf(frame, data) };
}

function numberOf(frame: BthomeFrame, data: Uint8Array): FrameNumber {
  if (frame.counter !== undefined) return { kind: 'counter', value: frame.counter };
  const packetId = frame.objects?.find(({ id }) => id === PACKET_ID)?.value;
  if (typeof packetId === 'number') return { kind: 'packet-id', value: packetId };
  return { kind: 'bytes', value: toHex(data) };
}

function readingsOf(objects: readonly BthomeObject[]): Reading[] {
  const readings: Reading[] = [];
  let button = 0;
  for (const { id, value } of objects) {
    if (id === BUTTON) button += 1;
    if (id === BUTTON && isPress(value)) readings.push({ kind: 'press', button, press: value });
    if (id === BATTERY && typeof value === 'number') readings.push({ kind: 'health', batteryPct: value });
  }
  const climate = {
    ...first(objects, (id) => TEMPERATURES.has(id), 'temperatureC'),
    ...first(objects, (id) => HUMIDITIES.has(id), 'humidityPct'),
    ...first(objects, (id) => id === CO2, 'co2Ppm'),
  };
  if (Object.keys(climate).length > 0) readings.push({ kind: 'climate', ...climate });
  return readings;
}

function first(objects: readonly BthomeObject[], is: (id: number) => boolean, name: string) {
  const value = objects.find(({ id }) => is(id))?.value;
  return typeof value === 'number' ? { [name]: value } : {};
}

function isPress(value: unknown): value is Press {
  return (PRESSES as readonly unknown[]).includes(value);
}
