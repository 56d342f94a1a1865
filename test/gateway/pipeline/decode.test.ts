import { describe, expect, it } from 'vitest';
import { createDecode, type Decoded } from '../../../gateway/pipeline/decode.ts';
import { nothingStored } from '../../../gateway/pipeline/outcome.ts';
import { createSeen } from '../../../gateway/pipeline/seen.ts';
import {
  advertisement,
  bthomeFrame,
  devicesOf,
  LOCKED_BUTTON,
  message,
  OPEN_BUTTON,
  SECOND,
  shopConfig,
  shopMap,
  TEN,
  tokenOf,
  UUID,
} from './shop.ts';

const AT = TEN;
const NOTHING = { readings: [], sightings: [], frames: [], strengths: [] };

function decoder() {
  return createDecode(devicesOf(shopConfig()), shopMap(), createSeen(nothingStored));
}

/** What devices said, without the device's own description. */
function said({ readings }: Decoded) {
  return readings.map(({ device, reading, at }) => ({ device: device.id, ...reading, at }));
}

describe('a message', () => {
  it('is read as its kind says, with the number that it gives itself', () => {
    const decoded = decoder()(
      message('button-1', 'pressed', { boot: 'b1', seq: 7, ts: 5, button: 2, press: 'hold_press' }, AT),
    );
    expect(said(decoded)).toEqual([
      { device: 'button-1', kind: 'press', button: 2, press: 'hold_press', at: AT },
    ]);
    expect(decoded.number).toEqual({ device: 'button-1', boot: 'b1', seq: 7 });
  });

  it('without boot is unnumbered: its device may have begun again at a seq that was seen', () => {
    const decode = decoder();
    const press = message('button-1', 'pressed', { seq: 7, press: 'press' }, AT);
    expect(decode(press).number).toBeUndefined();
    expect(said(decode(press))).toHaveLength(1);
  });

  it.each([
    ['nobody', 'pressed', '{"press":"press"}', 'unknown device'],
    ['button-1', 'weight', '{"slots":[]}', 'unknown message'],
    ['button-1', 'constructor', '{}', 'unknown message'],
    ['button-1', '__proto__', '{}', 'unknown message'],
    ['button-1', 'pressed/again', '{"press":"press"}', 'unknown message'],
    ['button-1', '', '{"press":"press"}', 'unknown message'],
    ['radiator-1', 'replies', '{"id":"x","ok":true}', 'unknown message'],
    ['radiator-1', 'replies/setpoint/more', '{"id":"x","ok":true}', 'unknown message'],
    ['button-1', 'pressed', '{"press":', 'not JSON'],
    ['button-1', 'pressed', '', 'not JSON'],
    ['shelf-1', 'weight', '{"slots":[{"slot":0,"g":NaN}]}', 'not JSON'],
    ['shelf-1', 'weight', '{"slots":[{"slot":0,"g":1e999}]}', 'wrong form'],
    ['shelf-1', 'weight', '{"slots":[{"slot":0,"g":2000000}]}', 'wrong form'],
    ['shelf-1', 'weight', '{"slots":[{"slot":0}]}', 'wrong form'],
    ['button-1', 'pressed', 'null', 'wrong form'],
    ['button-1', 'pressed', '[]', 'wrong form'],
    ['button-1', 'pressed', '{"press":"tickle"}', 'wrong form'],
    ['button-1', 'pressed', '{"press":"press","button":"1"}', 'wrong form'],
    ['button-1', 'pressed', '{"press":"press","boot":"b1","seq":-1}', 'wrong form'],
    ['button-1', 'pressed', '{"press":"press","boot":"a/b","seq":1}', 'wrong form'],
    ['radiator-1', 'thermostat', '{"setpointC":500}', 'wrong form'],
    ['radiator-1', 'state', 'asleep', 'wrong form'],
    ['radiator-1', 'replies/setpoint', '{"id":1,"ok":true}', 'wrong form'],
    ['radiator-1', 'replies/setpoint', 'null', 'wrong form'],
    ['r-shoes', 'advertisements', '{"frames":[{"address":"me"}]}', 'wrong form'],
    ['app', 'ranged', '{"token":"short","beacons":[]}', 'wrong form'],
  ])('of %s, %s %s, is dropped as %s', (device, name, payload, reason) => {
    expect(decoder()(message(device, name, payload, AT))).toEqual({ ...NOTHING, dropped: reason });
  });

  it('on somebody else’s topic is nothing that this device says', () => {
    const signal = { ...message('button-1', 'pressed', { press: 'press' }, AT), device: 'button-2' };
    expect(decoder()(signal)).toEqual({ ...NOTHING, dropped: 'unknown message' });
  });

  it('`state` is bare text: the device came or went', () => {
    expect(said(decoder()(message('radiator-1', 'state', 'offline', AT)))).toEqual([
      { device: 'radiator-1', kind: 'health', state: 'offline', at: AT },
    ]);
  });

  it('a reply says which command it answers; a long error is cut', () => {
    const reply = { id: 'x1', ok: false, error: 'e'.repeat(300) };
    expect(said(decoder()(message('radiator-1', 'replies/setpoint', reply, AT)))).toEqual([
      {
        device: 'radiator-1',
        kind: 'reply',
        command: 'setpoint',
        id: 'x1',
        ok: false,
        error: 'e'.repeat(200),
        at: AT,
      },
    ]);
  });
});

describe('a receiver’s radio', () => {
  it('is health, with a reason that is not longer than a sentence', () => {
    const reading = (payload: object) => said(decoder()(message('r-shoes', 'radio', payload, AT)));
    const reason = 'r'.repeat(400);
    const health = { device: 'r-shoes', kind: 'health', at: AT };
    expect(reading({ state: 'scanning' })).toEqual([{ ...health, radio: { state: 'scanning' } }]);
    expect(reading({ state: 'failed', reason })).toEqual([
      { ...health, radio: { state: 'failed', reason: 'r'.repeat(300) } },
    ]);
    expect(decoder()(message('r-shoes', 'radio', { state: 'asleep' }, AT)).dropped).toBe('wrong form');
    expect(decoder()(message('button-1', 'radio', { state: 'off' }, AT)).dropped).toBe('unknown message');
  });
});

describe('an app’s report', () => {
  it('gives a sighting at each fixed beacon of the shop that it heard, and none at others', () => {
    const beacons = [
      { uuid: UUID, major: 1, minor: 99, rssi: -50 },
      { uuid: UUID.toUpperCase(), major: 1, minor: 2, rssi: -61 },
    ];
    const decoded = decoder()(message('app', 'ranged', { token: tokenOf(10).toUpperCase(), beacons }, AT));
    expect(decoded.sightings).toEqual([
      { key: { kind: 'app', token: tokenOf(10) }, anchor: 'b-shoes', rssi: -61, at: AT },
    ]);
    expect(decoded.readings).toEqual([]);
  });
});

describe('frames that a receiver heard', () => {
  const IBEACON = `0201061aff4c000215${UUID}00010007c5`;
  const EID = '0303aafe0d16aafe30eea9b76a71c5f89290';
  const CONTINUITY = '02011a020a0c0aff4c001005441cbd08c5';

  const frame = (data: string, ageMs: number, address = 'e7:8f:13:56:24:ce') => ({
    address,
    addressType: 'random',
    rssi: -72,
    data,
    ageMs,
  });

  it('give sightings at the receiver, at the moment of hearing', () => {
    const frames = [frame(IBEACON, 1_500), frame(EID, 0), frame(CONTINUITY, 0), frame('zz', 0)];
    const decode = decoder();
    expect(decode(message('r-shoes', 'advertisements', { frames }, AT)).dropped).toBe('wrong form');
    const heard = decode(message('r-shoes', 'advertisements', { frames: frames.slice(0, 3) }, AT));
    const at = { anchor: 'r-shoes', rssi: -72 };
    expect(heard.sightings).toEqual([
      { key: { kind: 'ibeacon', uuid: UUID, major: 1, minor: 7 }, ...at, at: AT - 1_500 },
      { key: { kind: 'eid', eid: 'a9b76a71c5f89290' }, ...at, at: AT },
    ]);
  });

  it.each(['', '00', 'ff', '02', '1eff4c000215', '0d16aafe30ee', 'ffff', '0316d2fc'])(
    'that are malformed (%s) give nothing',
    (data) => {
      expect(decoder()(advertisement('r-shoes', OPEN_BUTTON, data, AT))).toEqual(NOTHING);
      expect(decoder()(advertisement('r-shoes', 'e7:8f:13:56:24:ce', data, AT))).toEqual(NOTHING);
    },
  );

  it('one press that two receivers hear, and that the button repeats, is one press', () => {
    const decode = decoder();
    const press = frame(bthomeFrame('40002a3a01'), 200, OPEN_BUTTON);
    const first = decode(message('r-shoes', 'advertisements', { frames: [press] }, AT));
    expect(said(first)).toEqual([
      { device: 'button-2', kind: 'press', button: 1, press: 'press', at: AT - 200 },
    ]);
    expect(first.frames).toEqual([{ device: 'button-2', number: { kind: 'packet-id', value: 42 } }]);
    const second = decode(message('r-bags', 'advertisements', { frames: [press, press] }, AT + 3 * SECOND));
    const strength = { device: 'button-2', receiver: 'r-bags', rssi: -72, at: AT + 3 * SECOND - 200 };
    expect(second).toEqual({ ...NOTHING, strengths: [strength, strength] });
    const next = frame(bthomeFrame('40002b3a01'), 0, OPEN_BUTTON);
    expect(said(decode(message('r-bags', 'advertisements', { frames: [next] }, AT + SECOND)))).toHaveLength(
      1,
    );
  });

  it('a press that one receiver delivers minutes late, after other presses, is still the same press', () => {
    const decode = decoder();
    const press = (pid: string, ageMs: number, receiver: string, at: number) =>
      said(
        decode(
          message(
            receiver,
            'advertisements',
            { frames: [frame(bthomeFrame(`4000${pid}3a01`), ageMs, OPEN_BUTTON)] },
            at,
          ),
        ),
      ).length;
    expect(press('01', 0, 'r-shoes', AT)).toBe(1);
    expect(press('02', 0, 'r-shoes', AT + 60_000)).toBe(1);
    expect(press('03', 0, 'r-shoes', AT + 120_000)).toBe(1);
    expect(press('01', 180_000, 'r-bags', AT + 180_000)).toBe(0);
    expect(press('04', 150_000, 'r-bags', AT + 181_000)).toBe(1);
  });

  it('a packet id that comes round again later is another press', () => {
    const decode = decoder();
    const press = (at: number) =>
      said(decode(advertisement('r-shoes', OPEN_BUTTON, bthomeFrame('40002a3a01'), at))).length;
    expect([press(AT), press(AT + 3_999), press(AT + 4_000)]).toEqual([1, 0, 1]);
  });

  // BTHome's published frame of a Shelly BLU button: packet id 7, 100 %, press; counter 442.
  const SEALED = bthomeFrame('450aeb84467f85ba0100003188788c');

  it('an encrypted press is opened with the device’s key, and counts once however often it is played', () => {
    const decode = decoder();
    const press = (at: number) => decode(advertisement('r-shoes', LOCKED_BUTTON, SEALED, at));
    const first = press(AT);
    expect(said(first).filter(({ kind }) => kind === 'press')).toHaveLength(1);
    expect(first.frames).toEqual([{ device: 'button-3', number: { kind: 'counter', value: 442 } }]);
    expect(press(AT + 60_000)).toMatchObject({ readings: [], sightings: [], frames: [] });
  });

  it('from a device with a bind key that are plain, or sealed with another key, are nobody’s', () => {
    const plain = bthomeFrame('40003a01');
    expect(decoder()(advertisement('r-shoes', LOCKED_BUTTON, plain, AT))).toEqual(NOTHING);
    const broken = SEALED.replace('8c', '8d');
    expect(decoder()(advertisement('r-shoes', LOCKED_BUTTON, broken, AT))).toEqual(NOTHING);
  });
});
