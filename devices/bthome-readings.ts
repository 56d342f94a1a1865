import { type BleReadings, type FrameNumber, PRESSES, type Press, type Reading } from './device.ts';
import { type AdStructure, serviceData } from './wire/advertising-data.ts';
import { BTHOME, type BthomeFrame, type BthomeObject, readBthome } from './wire/bthome.ts';
import { toHex } from './wire/hex.ts';

/** Object ids, bthome.io/format. */
const PACKET_ID = 0x00;
const BATTERY = 0x01;
const BATTERY_LOW = 0x15;
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
  const readings: Reading[] = health(objects);
  let button = 0;
  for (const { id, value } of objects) {
    if (id === BUTTON) button += 1;
    if (id === BUTTON && isPress(value)) readings.push({ kind: 'press', button, press: value });
  }
  const climate = {
    ...first(objects, (id) => TEMPERATURES.has(id), 'temperatureC'),
    ...first(objects, (id) => HUMIDITIES.has(id), 'humidityPct'),
    ...first(objects, (id) => id === CO2, 'co2Ppm'),
  };
  if (Object.keys(climate).length > 0) readings.push({ kind: 'climate', ...climate });
  return readings;
}

/** Of several batteries the worst speaks for the device: one after the other they would contradict each other. */
function health(objects: readonly BthomeObject[]): Reading[] {
  const charges = valuesOf(objects, BATTERY).filter((value) => typeof value === 'number');
  const signs = valuesOf(objects, BATTERY_LOW).filter((value) => typeof value === 'boolean');
  if (charges.length + signs.length === 0) return [];
  return [
    {
      kind: 'health',
      ...(charges.length > 0 && { batteryPct: Math.min(...charges) }),
      ...(signs.length > 0 && { batteryLow: signs.includes(true) }),
    },
  ];
}

function valuesOf(objects: readonly BthomeObject[], wanted: number) {
  return objects.filter(({ id }) => id === wanted).map(({ value }) => value);
}

function first(objects: readonly BthomeObject[], is: (id: number) => boolean, name: string) {
  const value = objects.find(({ id }) => is(id))?.value;
  return typeof value === 'number' ? { [name]: value } : {};
}

function isPress(value: unknown): value is Press {
  return (PRESSES as readonly unknown[]).includes(value);
}
