import type { Shop } from '../../firmware-sim/central/addresses.ts';
import type { Arrived } from '../../firmware-sim/central/arrived.ts';
import { event } from './event.ts';

export const SHOP: Shop = { store: 's1', gateway: 'g1' };
export const PERSON = 'p_1';

/** What a box told on one day, in the order of its `sequence`; its database was made anew at noon. */
export function history(): Arrived[] {
  const person = { subject: { ref: PERSON }, consent: { recordId: 'c1' }, visitId: 'v1' };
  const morning: Told[] = [
    ['visit.started', { ...person, method: 'app' }],
    ['zone.entered', { ...person, zoneId: 'shoes', enteredAt: '2026-11-22T09:00:01Z' }],
    ['thermostat.changed', { deviceId: 't1', setpointC: 19 }],
    ['shelf.stock.changed', { shelfId: 'shelf-1', slot: 0, sku: 'a', level: 'ok' }],
    ['zone.dwelled', { ...person, zoneId: 'shoes', dwellS: 30 }],
    ['thermostat.changed', { deviceId: 't1', setpointC: 21 }],
    ['zone.exited', { ...person, zoneId: 'shoes', dwellS: 40 }],
    ['zone.entered', { ...person, zoneId: 'bags', enteredAt: '2026-11-22T09:00:41Z' }],
    ['button.pressed', { deviceId: 'b1', button: 1, press: 'press', attribution: { visitId: 'v1' } }],
    ['shelf.stock.changed', { shelfId: 'shelf-1', slot: 0, sku: 'a', level: 'low' }],
    ['visit.ended', { ...person, reason: 'exit', endedAt: '2026-11-22T09:05:00Z' }],
    ['device.health', { deviceId: 't1', state: 'offline' }],
  ];
  const afternoon: Told[] = [
    ['device.health', { deviceId: 't1', state: 'online' }],
    ['thermostat.changed', { deviceId: 't1', setpointC: 18.5 }],
    ['visit.started', { ...person, visitId: 'v2', method: 'app' }],
    ['zone.entered', { ...person, visitId: 'v2', zoneId: 'shoes', enteredAt: '2026-11-22T13:00:00Z' }],
    ['shelf.stock.changed', { shelfId: 'shelf-1', slot: 0, sku: 'a', level: 'empty' }],
    ['shelf.stock.changed', { shelfId: 'shelf-1', slot: 0, sku: 'a', level: 'ok' }],
  ];
  return [...arrivals('ffff0000', 9, morning), ...arrivals('0000ffff', 13, afternoon)];
}

type Told = [name: string, data: object];

function arrivals(epoch: string, hour: number, told: readonly Told[]): Arrived[] {
  return told.map(([name, data], i) => {
    const time = new Date(Date.UTC(2026, 10, 22, hour, 0, i)).toISOString();
    const sequence = String(i + 1).padStart(20, '0');
    const own = {
      epoch,
      sequence,
      id: `${epoch}-${sequence}`,
      type: `aisle.${name}.v1`,
      time,
      recordedtime: time,
    };
    const one = event(SHOP, i + 1, { ...own, data: { storeId: SHOP.store, ...data } });
    const address = `stores.s1.gateways.g1.events.${name.replaceAll('.', '-')}`;
    return { address, body: Buffer.from(JSON.stringify(one)), redelivered: false };
  });
}
