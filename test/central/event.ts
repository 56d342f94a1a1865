import type { Shop } from '../../firmware-sim/central/addresses.ts';

/** A press as a gateway sends it; of an epoch that the store gives its name. */
export function event({ store, gateway }: Shop, sequence: number, more: object = {}) {
  const epoch = `e000${store}`;
  const padded = String(sequence).padStart(20, '0');
  return {
    specversion: '1.0',
    source: `urn:aisle:store:${store}:gateway:${gateway}`,
    id: `${epoch}-${padded}`,
    type: 'aisle.button.pressed.v1',
    epoch,
    sequence: padded,
    time: '2026-11-22T10:00:00Z',
    recordedtime: '2026-11-22T10:00:00Z',
    datacontenttype: 'application/json',
    data: { storeId: store, deviceId: 'b1', button: 1, press: 'press' },
    ...more,
  };
}
