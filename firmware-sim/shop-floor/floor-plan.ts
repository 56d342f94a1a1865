/**
 * The shop of the demo: a floor of 20 by 18 metres, x to the right and y up from the door's corner. Plain
 * data; the gateway gets it as its configuration, the air and the page as it is.
 */

export type Point = readonly [x: number, y: number];
export type Place = readonly [x: number, y: number, z: number];

export interface Zone {
  id: string;
  name: string;
  kind: 'entrance' | 'sales' | 'checkout';
  polygon: readonly Point[];
}

export interface Slot {
  slot: number;
  sku: string;
  unitGrams: number;
  capacity: number;
}

export interface Shelf {
  id: string;
  zone: string;
  at: Point;
  slots: readonly Slot[];
}

export interface Button {
  id: string;
  zone: string;
  at: Point;
  /** What a press asks for. */
  intent: string;
  over: 'mqtt' | 'bthome' | 'bthome-encrypted';
}

export interface FixedBeacon {
  id: string;
  zone: string;
  at: Place;
  major: number;
  minor: number;
}

export const SIZE = { width: 20, depth: 18 } as const;
/** Where shoppers come in and leave. */
export const DOOR: Point = [4, 0];
export const TILL: Point = [16.5, 2.6];

export const zones: readonly Zone[] = [
  { id: 'entrance', name: 'Entrance', kind: 'entrance', polygon: rectangle(0, 0, 8, 6) },
  { id: 'checkout', name: 'Checkout', kind: 'checkout', polygon: rectangle(8, 0, 20, 6) },
  { id: 'shoes', name: 'Shoes', kind: 'sales', polygon: rectangle(0, 6, 7, 18) },
  { id: 'bags', name: 'Bags', kind: 'sales', polygon: rectangle(7, 6, 14, 18) },
  { id: 'coats', name: 'Coats', kind: 'sales', polygon: rectangle(14, 6, 20, 18) },
];

/** On the ceiling, each a process of its own. */
export const ceilingReceivers: readonly { id: string; zone: string; at: Place }[] = [
  { id: 'receiver-1', zone: 'entrance', at: [4, 3, 2.8] },
  { id: 'receiver-2', zone: 'shoes', at: [3.5, 12, 2.8] },
  { id: 'receiver-3', zone: 'bags', at: [10.5, 12, 2.8] },
  { id: 'receiver-4', zone: 'coats', at: [17, 12, 2.8] },
];

/** The box's own adapter, heard by `aisle radio`. */
export const boxRadio = { id: 'box-radio', zone: 'checkout', at: [13.6, 3, 1.6] as Place } as const;

export const receivers = [...ceilingReceivers, boxRadio];

export const BEACON_UUID = '5afe5a1e-0c0a-4e55-9a3b-a15e00000001';
/** What the shopper's app hears. */
export const beacons: readonly FixedBeacon[] = [
  { id: 'beacon-1', zone: 'entrance', at: [3.6, 3.2, 2.4], major: 1, minor: 1 },
  { id: 'beacon-2', zone: 'shoes', at: [3.4, 12.4, 2.4], major: 1, minor: 2 },
  { id: 'beacon-3', zone: 'bags', at: [10.6, 11.8, 2.4], major: 1, minor: 3 },
  { id: 'beacon-4', zone: 'coats', at: [17.2, 12.2, 2.4], major: 1, minor: 4 },
  { id: 'beacon-5', zone: 'checkout', at: [13.8, 3.2, 2.4], major: 1, minor: 5 },
];

export const shelves: readonly Shelf[] = [
  {
    id: 'shelf-1',
    zone: 'shoes',
    at: [1.3, 10],
    slots: [goods(0, 'trail-shoe', 780, 14), goods(1, 'running-sock', 95, 30)],
  },
  {
    id: 'shelf-2',
    zone: 'shoes',
    at: [5.2, 15.6],
    slots: [goods(0, 'canvas-sneaker', 640, 16), goods(1, 'shoe-cream', 120, 24)],
  },
  {
    id: 'shelf-3',
    zone: 'bags',
    at: [8.6, 15.6],
    slots: [goods(0, 'day-pack', 950, 12), goods(1, 'belt-bag', 310, 18)],
  },
  {
    id: 'shelf-4',
    zone: 'bags',
    at: [12.4, 9],
    slots: [goods(0, 'tote-bag', 410, 20), goods(1, 'key-ring', 45, 40)],
  },
  {
    id: 'shelf-5',
    zone: 'coats',
    at: [15.4, 15.6],
    slots: [goods(0, 'rain-coat', 1150, 10), goods(1, 'wool-scarf', 240, 20)],
  },
  {
    id: 'shelf-6',
    zone: 'coats',
    at: [18.7, 9.4],
    slots: [goods(0, 'down-vest', 620, 12), goods(1, 'knit-cap', 110, 24)],
  },
];

export const buttons: readonly Button[] = [
  { id: 'button-1', zone: 'shoes', at: [6.3, 8], intent: 'advice', over: 'mqtt' },
  { id: 'button-2', zone: 'checkout', at: [12.4, 4.8], intent: 'open-till', over: 'mqtt' },
  { id: 'button-3', zone: 'bags', at: [10.5, 17.2], intent: 'advice', over: 'bthome' },
  { id: 'button-4', zone: 'coats', at: [17.6, 17.2], intent: 'fetch-size', over: 'bthome-encrypted' },
];

export const thermostats: readonly { id: string; zone: string; at: Point }[] = [
  { id: 'thermostat-1', zone: 'entrance', at: [0.7, 4.6] },
  { id: 'thermostat-2', zone: 'bags', at: [13.3, 16.8] },
  { id: 'thermostat-3', zone: 'checkout', at: [19.3, 4.6] },
];

/** Spoken to by the box itself, over Bluetooth. */
export const gattThermostat = {
  id: 'thermostat-4',
  zone: 'coats',
  at: [19.3, 16.8] as Point,
  address: '00:1a:22:0a:15:04',
  model: 'eq-3',
} as const;

/** One entry stands for every phone with the retailer's app. */
export const APP_DEVICE = 'app';

function rectangle(left: number, bottom: number, right: number, top: number): Point[] {
  return [
    [left, bottom],
    [right, bottom],
    [right, top],
    [left, top],
  ];
}

function goods(slot: number, sku: string, unitGrams: number, capacity: number): Slot {
  return { slot, sku, unitGrams, capacity };
}
