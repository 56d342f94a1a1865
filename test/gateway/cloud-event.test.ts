import { expect, it } from 'vitest';
import { cloudEvent, idOf, sourceOf } from '../../gateway/cloud-event.ts';
import type { StoreEvent } from '../../gateway/pipeline/outcome.ts';

const envelope = {
  source: sourceOf({ id: 's1', gateway: 'g1' }),
  epoch: '0a1b2c3d',
  sequence: 42,
  recordedAt: 2_000,
};
const press: StoreEvent = {
  name: 'button.pressed',
  class: 'B',
  time: 1_000,
  data: { storeId: 's1', deviceId: 'button-1' },
  causationId: 'button-1/b1/7',
};

// CloudEvents 1.0 §3.1, and the contract's attributes beside them.
it('an event in its envelope has every attribute of the contract, and data as it is', () => {
  expect(JSON.parse(cloudEvent(press, envelope))).toEqual({
    specversion: '1.0',
    id: '0a1b2c3d-00000000000000000042',
    source: 'urn:aisle:store:s1:gateway:g1',
    type: 'aisle.button.pressed.v1',
    time: '1970-01-01T00:00:01.000Z',
    recordedtime: '1970-01-01T00:00:02.000Z',
    epoch: '0a1b2c3d',
    sequence: '00000000000000000042',
    causationid: 'button-1/b1/7',
    datacontenttype: 'application/json',
    dataschema: 'urn:aisle:schema:button.pressed:v1',
    data: { storeId: 's1', deviceId: 'button-1' },
  });
});

it('a personal event names nobody outside of its data (R23): the partition key is the visit’s', () => {
  const entered: StoreEvent = {
    name: 'zone.entered',
    class: 'B',
    time: 1_000,
    visitId: 'v1',
    subjectRef: 'p_1',
    data: { visitId: 'v1', subject: { ref: 'p_1' } },
  };
  const { data, ...attributes } = JSON.parse(cloudEvent(entered, { ...envelope, expiresAt: 3_000 }));
  expect(attributes).toMatchObject({ partitionkey: 'v1', expirytime: '1970-01-01T00:00:03.000Z' });
  expect(JSON.stringify(attributes)).not.toContain('p_1');
  expect(data.subject.ref).toBe('p_1');
});

it('attribute names are those that CloudEvents allows: lower case letters and digits', () => {
  const full = cloudEvent({ ...press, visitId: 'v1' }, { ...envelope, expiresAt: 3_000 });
  for (const name of Object.keys(JSON.parse(full))) expect(name).toMatch(/^[a-z0-9]{1,20}$/);
});

it('sequences compare as text', () => {
  expect(idOf('e', 9) < idOf('e', 10)).toBe(true);
  expect(idOf('e', 10 ** 15 - 1) < idOf('e', 10 ** 15)).toBe(true);
});

it('P13: an event tells its boot, the time since that began, and whether the clock was sure', () => {
  const boot = { id: 'b0b0b0b0', monotonicMs: 3_000_000_000.7, synchronised: false };
  expect(JSON.parse(cloudEvent(press, { ...envelope, boot }))).toMatchObject({
    bootid: 'b0b0b0b0',
    monotonicms: '3000000000',
    timequality: 'unsynced',
  });
  const sure = { ...boot, synchronised: true };
  expect(JSON.parse(cloudEvent(press, { ...envelope, boot: sure }))).toMatchObject({ timequality: 'synced' });
});
