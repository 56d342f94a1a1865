import { z } from 'zod';
import { type Device, message } from './device.ts';

const temperatureC = z.number().min(-60).max(100);

/** The range that a command may set, °C: frost protection to what a radiator should reach in a shop. */
export const SETPOINT_RANGE_C = [5, 30] as const;

/** A thermostat: tells its readings and obeys `setpoint`. */
export const thermostat = {
  kind: 'thermostat',
  summary: 'a thermostat or radiator valve with a setpoint',
  messages: {
    thermostat: message(
      'B',
      {
        setpointC: temperatureC,
        currentC: temperatureC.optional(),
        mode: z.string().max(32).optional(),
        valvePct: z.number().min(0).max(100).optional(),
        batteryLow: z.boolean().optional(),
      },
      ({ setpointC, currentC, mode, valvePct, batteryLow }) => [
        {
          kind: 'thermostat',
          setpointC,
          ...(currentC === undefined ? {} : { currentC }),
          ...(mode === undefined ? {} : { mode }),
          ...(valvePct === undefined ? {} : { valvePct }),
        },
        ...(batteryLow === undefined ? [] : [{ kind: 'health', batteryLow } as const]),
      ],
    ),
    climate: message(
      'C',
      {
        temperatureC,
        humidityPct: z.number().min(0).max(100).optional(),
        co2Ppm: z.number().min(0).max(100_000).optional(),
      },
      ({ temperatureC, humidityPct, co2Ppm }) => [
        {
          kind: 'climate',
          temperatureC,
          ...(humidityPct === undefined ? {} : { humidityPct }),
          ...(co2Ppm === undefined ? {} : { co2Ppm }),
        },
      ],
    ),
  },
  commands: {
    setpoint: z.object({ setpointC: z.number().min(SETPOINT_RANGE_C[0]).max(SETPOINT_RANGE_C[1]) }),
  },
} satisfies Device;
