import { expect, it } from 'vitest';
import { beaconId } from '../../../gateway/recognise/beacon-id.ts';

const owner = { recordId: 'c1', subjectRef: 'p1' };
const uuid = 'f7826da64fa24e988024bc5b71e0893e';
const id = (major: number, minor: number) => ({ kind: 'ibeacon' as const, uuid, major, minor });

it('a tag is recognised by its whole id, until its record is removed', () => {
  const held = beaconId.createTable();
  held.put(owner, id(1, 17), 0);
  expect(held.find(id(1, 17), 0)).toEqual([owner]);
  for (const other of [id(17, 1), id(1, 18), id(2, 17), id(11, 7)]) expect(held.find(other, 0)).toEqual([]);
  held.remove('c1');
  expect(held.find(id(1, 17), 0)).toEqual([]);
});

it('is less sure than keys that cannot be copied off the air', () => {
  expect(beaconId.confidence).toBeLessThan(1);
});
