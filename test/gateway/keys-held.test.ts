import { expect, it } from 'vitest';
import { createKeysHeld } from '../../gateway/keys-held.ts';
import { consent } from './pipeline/shop.ts';

const beacon = (n: number) => ({ kind: 'ibeacon', uuid: `${n}`.repeat(32), major: 1, minor: n });

it('a beacon id is held as long as one record has it', () => {
  const held = createKeysHeld();
  const [first, second] = [consent(1, { keys: [beacon(1)] }), consent(2, { keys: [beacon(1), beacon(2)] })];
  held.add(first);
  held.add(second);
  held.remove(first);
  expect([...held.beaconUuids()]).toEqual(['1'.repeat(32), '2'.repeat(32)]);
  held.remove(second);
  expect([...held.beaconUuids()]).toEqual([]);
});

it('somebody is to be recognised by private addresses as long as an IRK is held', () => {
  const held = createKeysHeld();
  const record = consent(1, { keys: [{ kind: 'irk', irk: 'ab'.repeat(16) }] });
  expect(held.holdsIrk()).toBe(false);
  held.add(record);
  expect(held.holdsIrk()).toBe(true);
  held.remove(record);
  expect(held.holdsIrk()).toBe(false);
});
