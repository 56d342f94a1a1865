import type { Placed } from './air.ts';
import type { ReadOrder } from './orders.ts';

type ToPeripheral = Extract<
  ReadOrder,
  {
    order:
      | 'away'
      | 'near'
      | 'turn'
      | 'battery'
      | 'deaf'
      | 'state'
      | 'drop'
      | 'drop-at'
      | 'refuse'
      | 'lose-notifications';
  }
>;

/** Carries out what is ordered of one peripheral. Its answer. */
export function toPeripheral(placed: Placed, order: ToPeripheral): object {
  switch (order.order) {
    case 'away':
    case 'near':
      placed.isNear = order.order === 'near';
      if (!placed.isNear) placed.link?.lost();
      return {};
    case 'turn':
      placed.peripheral.turn(order.setpointC);
      return {};
    case 'battery':
      if (!placed.peripheral.battery)
        throw new Error(`${placed.peripheral.name} has no sign for its battery`);
      placed.peripheral.battery(order.low);
      return {};
    case 'deaf':
      placed.deafTo = order.commands;
      return {};
    case 'state':
      return {
        state: {
          ...placed.peripheral.state(),
          connected: placed.link !== undefined,
          writes: placed.writes,
        },
      };
    case 'drop':
      placed.link?.lost();
      return {};
    case 'drop-at':
      placed.dropAt = order;
      return {};
    case 'refuse':
      placed.refusals = { times: order.times, text: order.error };
      return {};
    case 'lose-notifications':
      placed.link?.loseNotifications();
      return {};
  }
}
