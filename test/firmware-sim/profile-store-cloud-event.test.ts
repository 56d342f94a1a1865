import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCloudEvent } from '../../firmware-sim/profile-store/cloud-event.ts';
import { at, client, event, open, press } from './profile-store-client.ts';

const reason = (value: unknown) => {
  const read = readCloudEvent(value);
  return 'reason' in read ? read.reason : undefined;
};

/** The least that CloudEvents 1.0.2 §3.1 asks for; values of the specification's table of examples. */
const least = {
  specversion: '1.0',
  id: '1234-1234-1234',
  source: '/mycontext',
  type: 'com.example.someevent',
};

describe('CloudEvents 1.0.2', () => {
  it.each([
    ['the required attributes alone', least],
    ['unset attributes as null (JSON format §2.2)', { ...least, subject: null, time: null }],
    ['an integer, a boolean and a text as extensions', { ...least, comexample: 5, flag: true, note: 'x' }],
    ['a bare string as data', { ...least, data: "I'm just a string" }],
    ['null as data', { ...least, data: null }],
    ['binary data', { ...least, data_base64: 'AAEC' }],
    ['a time with an offset', { ...least, time: '2018-04-05T17:31:00.25+02:00' }],
    ['the largest integer', { ...least, n: 2_147_483_647 }],
  ])('allows %s', (_name, value) => {
    expect(reason(value)).toBeUndefined();
  });

  it.each([
    ['no id', { ...least, id: undefined }, `required attribute 'id'`],
    ['an empty source', { ...least, source: '' }, `required attribute 'source'`],
    ['a null type', { ...least, type: null }, `required attribute 'type'`],
    ['a number as id', { ...least, id: 7 }, `required attribute 'id'`],
    ['another version', { ...least, specversion: '0.3' }, `'specversion' must be '1.0'`],
    ['an upper-case name', { ...least, eventID: 'x' }, `attribute name 'eventID'`],
    ['a name with an underscore', { ...least, my_ext: 'x' }, `attribute name 'my_ext'`],
    ['an object as an extension', { ...least, extension: { a: 1 } }, `'extension' must be`],
    ['a list as an extension', { ...least, extension: [] }, `'extension' must be`],
    ['a fraction', { ...least, n: 1.5 }, `'n' must be`],
    ['an integer over 32 bits', { ...least, n: 2_147_483_648 }, `'n' must be`],
    ['a date that is no timestamp', { ...least, time: '2018-04-05' }, `'time' must be a timestamp`],
    ['milliseconds as time', { ...least, time: 1_522_949_460_000 }, `'time' must be a string`],
    ['a month 13', { ...least, time: '2018-13-05T17:31:00Z' }, `'time' must be a timestamp`],
    ['a source with a space', { ...least, source: 'my context' }, `'source' must be a URI-reference`],
    ['a source with a lone percent sign', { ...least, source: '/a%2' }, `'source' must be a URI-reference`],
    ['a relative dataschema', { ...least, dataschema: '/schema' }, `'dataschema' must be an absolute URI`],
    ['an empty subject', { ...least, subject: '' }, `'subject' must not be empty`],
    ['a control character', { ...least, subject: 'a\u0007' }, `'subject' has characters`],
    ['a lone surrogate', { ...least, subject: '\ud800' }, `'subject' has characters`],
    ['both kinds of data', { ...least, data: {}, data_base64: '' }, 'exclude each other'],
    ['a list', [least], 'must be a JSON object'],
  ])('refuses %s', (_name, value, expected) => {
    expect(reason(value)).toContain(expected);
  });
});

describe('events of the gateway', () => {
  it('must carry their place: epoch, sequence, and both as id', () => {
    expect(reason(press(1))).toBeUndefined();
    expect(reason(press(1, { epoch: 'replay' }))).toBeUndefined();
    expect(reason({ ...press(1), epoch: undefined })).toContain(`'epoch'`);
    expect(reason({ ...press(1), sequence: '1' })).toContain(`'sequence' must be 20 digits`);
    expect(reason({ ...press(1), sequence: '9'.repeat(20) })).toContain('below 2^53');
    expect(reason({ ...press(1), id: 'another' })).toContain(`'id' must be`);
    expect(reason({ ...press(1), type: 'aisle.Button_pressed' })).toContain(`'type' must be`);
  });

  it('must carry an object as data and timestamps where they stand', () => {
    expect(reason({ ...press(1), data: 'text' })).toContain(`'data' must be a JSON object`);
    expect(reason({ ...press(1), data: undefined })).toContain(`'data' must be a JSON object`);
    expect(reason({ ...press(1), expirytime: 'soon' })).toContain(`'expirytime' must be a timestamp`);
    expect(reason(press(1, { expirytime: at(60) }))).toBeUndefined();
  });
});

it('takes or rejects any data at all and answers every question afterwards', async () => {
  const { url, store } = await open();
  const names = ['visit.started', 'zone.exited', 'gateway.gap', 'subject.erased', 'button.pressed'];
  const field = fc.constantFrom('visitId', 'zoneId', 'dwellS', 'enteredAt', 'recordIds', 'ranges', 'x');
  let sequence = 0;
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.dictionary(field, fc.jsonValue()), (name, data) => {
      sequence += 1;
      const { accepted, rejected } = store.take([event(sequence, name, { ...data, subject: { ref: 'p1' } })]);
      return accepted.length + rejected.length === 1;
    }),
    { seed: 7, numRuns: 300 },
  );
  const { get } = client(url);
  for (const path of ['/profiles/p1', '/profiles', '/stats', '/events']) {
    expect((await get(path)).status).toBe(200);
  }
});

it('rejects data nested too deep instead of failing the batch for ever', async () => {
  const { send } = client((await open()).url);
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  for (const levels of [100, 2000, 30_000]) {
    const deep = JSON.stringify(event(1, 'device.health', { x: '?' })).replace('"?"', nested(levels));
    const answer = await send(`[${deep},${JSON.stringify(press(2))}]`);
    expect(answer.status).toBe(200);
    expect(answer.body.rejected).toEqual([
      { id: press(1).id, reason: `'data' is nested more than 64 levels` },
    ]);
  }
});
