import type { Point } from '../../telemetry/point.ts';
import type { DeviceReading, Strength } from '../decode.ts';
import type { Emit } from './emit.ts';

/**
 * What devices measure, for the time series: each reading as it came, where an event would tell a change or a
 * mean. Slots of shelves and people in zones are told by their own contexts, which know what has settled and
 * what is too few to be told.
 */
export function tellPoints({ device, reading, at }: DeviceReading, emit: Emit): void {
  const placed = { device: device.id, ...(device.zone !== undefined && { zone: device.zone }) };
  switch (reading.kind) {
    case 'climate':
      return tell('climate', placed, at, emit, {
        temperature_celsius: reading.temperatureC,
        humidity_percent: reading.humidityPct,
        co2_ppm: reading.co2Ppm,
      });
    case 'thermostat':
      tell('climate', placed, at, emit, { temperature_celsius: reading.currentC });
      return tell('thermostat', placed, at, emit, {
        setpoint_celsius: reading.setpointC,
        valve_percent: reading.valvePct,
      });
    case 'health':
      return tell('device', { device: device.id }, at, emit, {
        battery_percent: reading.batteryPct,
        online: reading.state && Number(reading.state === 'online'),
      });
  }
}

/** How receivers hear the shop's own devices; of a frame of anybody else there is no strength here. */
export function tellStrengths(strengths: readonly Strength[], emit: Emit): void {
  for (const { device, receiver, rssi, at } of strengths) {
    emit.point({ measurement: 'signal', tags: { device, receiver }, fields: { rssi_dbm: rssi }, at });
  }
}

function tell(
  measurement: string,
  tags: Point['tags'],
  at: number,
  emit: Emit,
  values: Record<string, number | undefined>,
): void {
  const fields: Record<string, number> = {};
  for (const [name, value] of Object.entries(values)) if (value !== undefined) fields[name] = value;
  if (Object.keys(fields).length > 0) emit.point({ measurement, tags, fields, at });
}
