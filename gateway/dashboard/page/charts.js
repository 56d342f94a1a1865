/*
 * The charts of the page. `of` names the series; `held` ones keep their value until it is told anew, `sums`
 * are counts of what happened, shown by the minute. `kinds` are the devices that tell such a thing.
 */

const nameOfZone = (shop, id) => shop.zones.find((zone) => zone.id === id)?.name ?? id;

/** Where a device is says more than what it is called, where it is alone there. */
function placeOf(shop, { device, zone }) {
  return zone === undefined ? device : `${nameOfZone(shop, zone)}, ${device}`;
}

function slotOf(shop, { device, slot }) {
  return shop.slots.find((one) => one.device === device && one.slot === slot);
}

const celsius = (value) => `${value.toFixed(1)} °C`;
const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 1 });
const count = (value) => whole.format(value);

export const CHARTS = [
  {
    id: 'temperature',
    title: 'Temperature',
    unit: '°C',
    note: 'Dashed: what a thermostat is set to.',
    kinds: ['thermostat', 'thermostat-gatt', 'climate-sensor'],
    none: 'No thermostat or sensor is set up in this shop.',
    empty: (time) => `No thermostat or sensor has told a temperature in the last ${time}.`,
    of: [
      { measurement: 'climate', field: 'temperature_celsius', name: placeOf },
      {
        measurement: 'thermostat',
        field: 'setpoint_celsius',
        name: (shop, tags) => `${placeOf(shop, tags)}, set to`,
        held: true,
        dash: [6, 4],
      },
    ],
    colourOf: ({ device }) => device,
    groupOf: ({ zone }, shop) => (zone === undefined ? 'elsewhere' : nameOfZone(shop, zone)),
    group: 'Zone',
    told: celsius,
    least: 2,
  },
  {
    id: 'stock',
    title: 'Stock',
    unit: 'pieces',
    kinds: ['connected-shelf'],
    none: 'No connected shelf is set up in this shop.',
    empty: (time) => `No shelf has told what is on it in the last ${time}.`,
    of: [
      {
        measurement: 'shelf',
        field: 'units',
        held: true,
        name: (shop, tags) => `${slotOf(shop, tags)?.sku ?? 'unknown'}, ${tags.device} slot ${tags.slot}`,
      },
    ],
    groupOf: ({ device }) => device,
    group: 'Shelf',
    told(value, tags, shop) {
      const { capacity } = slotOf(shop, tags) ?? {};
      if (value <= 0) return 'empty';
      return capacity ? `${count(value)} of ${capacity}` : count(value);
    },
    axis: count,
    fromZero: true,
    least: 4,
  },
  {
    id: 'occupancy',
    title: 'People near each zone',
    unit: 'people, rounded',
    note: 'Fewer than ten are never shown.',
    empty: (time) => `No zone had ten people near it in the last ${time}. Fewer are never shown.`,
    of: [{ measurement: 'occupancy', field: 'people', name: (shop, { zone }) => nameOfZone(shop, zone) }],
    stepped: true,
    told: count,
    fromZero: true,
    least: 20,
  },
  {
    id: 'events',
    title: 'Events a minute',
    unit: 'stored',
    empty: (time) => `Nothing was counted in the last ${time}. It begins a minute after the start.`,
    of: [{ measurement: 'gateway', field: 'events_stored', name: () => 'All events', sums: true }],
    fill: true,
    told: (value) => (value < 10 ? tenths : whole).format(value),
    fromZero: true,
    least: 4,
  },
  {
    id: 'outbox',
    title: 'Waiting for the central platform',
    unit: 'events',
    empty: (time) => `The gateway has told nothing of itself in the last ${time}.`,
    of: [{ measurement: 'gateway', field: 'outbox_events', name: () => 'Waiting' }],
    fill: true,
    told: count,
    fromZero: true,
    least: 4,
  },
];
