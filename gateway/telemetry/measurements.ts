/** How the values of a window become one. `sum` is for counts of what happened in it. */
export type Rollup = 'last' | 'mean' | 'max' | 'sum';

export interface Field {
  name: string;
  /** What it says, in a few words; the unit, where the name does not end in it. */
  summary: string;
  /** InfluxDB fixes a field's type by its first value: a wrong one is refused from then on. */
  type: 'float' | 'integer';
  rollup: Rollup;
}

export interface Measurement {
  name: string;
  summary: string;
  /** Ids from `aisle.yaml`; optional ones end in a question mark. */
  tags: readonly string[];
  fields: readonly Field[];
}

const float = (name: string, summary: string, rollup: Rollup = 'mean'): Field => ({
  name,
  summary,
  type: 'float',
  rollup,
});
const integer = (name: string, summary: string, rollup: Rollup): Field => ({
  name,
  summary,
  type: 'integer',
  rollup,
});

/**
 * All that becomes a time series. Tags are ids that stand in `aisle.yaml`, so the number of series is bounded
 * by the shop's own configuration; `store` and `gateway` are added where the points leave the shop.
 */
export const MEASUREMENTS: readonly Measurement[] = [
  {
    name: 'climate',
    summary: 'what a climate sensor or a thermostat measures in the room',
    tags: ['device', 'zone?'],
    fields: [
      float('temperature_celsius', 'air temperature'),
      float('humidity_percent', 'relative humidity'),
      float('co2_ppm', 'carbon dioxide'),
    ],
  },
  {
    name: 'thermostat',
    summary: 'what a thermostat is set to and does',
    tags: ['device', 'zone?'],
    fields: [
      float('setpoint_celsius', 'the temperature it is set to', 'last'),
      float('valve_percent', 'how far its valve is open'),
    ],
  },
  {
    name: 'shelf',
    summary: 'a slot of a connected shelf, settled',
    tags: ['device', 'slot'],
    fields: [
      float('weight_grams', 'its settled weight', 'last'),
      integer('units', 'how many pieces of its article that is', 'last'),
    ],
  },
  {
    name: 'device',
    summary: 'a device itself',
    tags: ['device'],
    fields: [
      float('battery_percent', 'charge of its battery', 'last'),
      integer('online', '1 while it is connected, 0 while it is not', 'last'),
    ],
  },
  {
    name: 'signal',
    summary: 'how a receiver hears a device of the shop (never a person’s)',
    tags: ['device', 'receiver'],
    fields: [float('rssi_dbm', 'received signal strength')],
  },
  {
    name: 'occupancy',
    summary: 'people near a zone, as `aisle.occupancy.aggregated.v1` tells it: rounded, and absent below k',
    tags: ['zone'],
    fields: [integer('people', 'rounded count', 'max')],
  },
  {
    name: 'gateway',
    summary: 'the gateway itself',
    tags: [],
    fields: [
      integer('messages', 'messages that devices sent in the window', 'sum'),
      integer('events_stored', 'events that were committed in the window', 'sum'),
      integer('events_forwarded', 'events that an uplink took in the window, all uplinks together', 'sum'),
      integer('outbox_events', 'events that wait for an uplink', 'last'),
      integer('outbox_bytes', 'what they take on the disk', 'last'),
      float('outbox_oldest_seconds', 'age of the oldest that waits', 'last'),
      integer('dead_letters', 'events that were set aside', 'last'),
      integer('resident_bytes', 'memory of the process', 'last'),
      float('loop_delay_seconds', 'longest delay of the event loop in the window', 'max'),
    ],
  },
];
