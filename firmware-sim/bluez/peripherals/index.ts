import type { ReadOrder } from '../orders.ts';
import type { Peripheral } from '../peripheral.ts';
import { environmentalSensing } from './environmental-sensing.ts';
import { eq3 } from './eq-3.ts';

export function createPeripheral(
  order: Extract<ReadOrder, { order: 'peripheral' }>,
  now: () => number,
): Peripheral {
  return order.model === 'eq-3' ? eq3({ ...order, now }) : environmentalSensing({ ...order, now });
}
