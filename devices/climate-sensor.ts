import { readBthomeFrame } from './bthome-readings.ts';
import type { BleReadings, Device } from './device.ts';
import { thermostat } from './thermostat.ts';
import { type AdStructure, manufacturerData } from './wire/advertising-data.ts';
import { toHex } from './wire/hex.ts';
import { RUUVI, readRuuvi } from './wire/ruuvi.ts';

/** A sensor of temperature, humidity or CO₂: `climate` over MQTT, or BLE frames of Ruuvi or BTHome. */
export const climateSensor = {
  kind: 'climate-sensor',
  summary: 'a climate sensor, over MQTT or BLE (Ruuvi, BTHome v2)',
  messages: { climate: thermostat.messages.climate },
  frame: (structures, from) => readRuuviFrame(structures) ?? readBthomeFrame(structures, from),
} satisfies Device;

function readRuuviFrame(structures: AdStructure[]): BleReadings | undefined {
  const data = manufacturerData(structures, RUUVI);
  const said = data && readRuuvi(data);
  if (!data || !said) return undefined;
  const { temperature, humidity, co2 } = said;
  return {
    readings: [
      {
        kind: 'climate',
        ...(temperature !== undefined && { temperatureC: temperature }),
        ...(humidity !== undefined && { humidityPct: humidity }),
        ...(co2 !== undefined && { co2Ppm: co2 }),
      },
    ],
    number: { kind: 'bytes', value: toHex(data) },
  };
}
