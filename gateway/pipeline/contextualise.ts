import { pressed } from './context/buttons.ts';
import type { Climate } from './context/climate.ts';
import type { Commands } from './context/commands.ts';
import type { Emit } from './context/emit.ts';
import type { Health } from './context/health.ts';
import type { Occupancy } from './context/occupancy.ts';
import { tellPoints } from './context/points.ts';
import type { Shelves } from './context/shelves.ts';
import type { Thermostats } from './context/thermostats.ts';
import type { Decoded, DeviceReading } from './decode.ts';

export interface Contexts {
  shelves: Shelves;
  climate: Climate;
  thermostats: Thermostats;
  occupancy: Occupancy;
  health: Health;
  commands: Commands;
}

/** What devices said becomes what happened in the shop. */
export function contextualise(readings: Decoded['readings'], contexts: Contexts, emit: Emit): void {
  for (const said of readings) {
    tellPoints(said, emit);
    tell(said, contexts, emit);
  }
}

function tell({ device, reading, at }: DeviceReading, contexts: Contexts, emit: Emit): void {
  switch (reading.kind) {
    case 'weights':
      return contexts.shelves.weighed(device.id, reading.slots, at, emit);
    case 'press':
      return pressed(device, reading.button, reading.press, at, emit);
    case 'climate':
      return contexts.climate.measured(device, reading, at);
    case 'thermostat':
      contexts.thermostats.said(device, reading, at, emit);
      if (reading.currentC !== undefined) {
        contexts.climate.measured(device, { temperatureC: reading.currentC }, at);
      }
      return;
    case 'crowd':
      return contexts.occupancy.counted(device.id, reading, at);
    case 'health':
      return contexts.health.said(device, reading, at, emit);
    case 'reply':
      return contexts.commands.replied(device, reading, at, emit);
    // Frames and beacons were made sightings by decode.
    case 'heard':
    case 'ranged':
    case 'wifi':
    case 'check-in':
      return;
  }
}
