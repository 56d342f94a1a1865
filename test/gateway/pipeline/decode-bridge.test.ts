import { describe, expect, it } from 'vitest';
import type { Message } from '../../../devices/device.ts';
import { accessPoint, hostapdLine } from '../../../firmware-sim/firmware/wifi.ts';
import { type Config, configSchema } from '../../../gateway/config.ts';
import { createDecode, messageName } from '../../../gateway/pipeline/decode.ts';
import { nothingStored } from '../../../gateway/pipeline/outcome.ts';
import { createSeen } from '../../../gateway/pipeline/seen.ts';
import { consent, devicesOf, list, message, names, shop, shopConfig, shopMap, TEN, tick } from './shop.ts';

const EXTRA = [
  {
    id: 'omg-1',
    kind: 'receiver',
    dialect: 'open-mqtt-gateway',
    topics: ['home/omg-1/BTtoMQTT/#', 'home/omg-1/LWT'],
    zone: 'shoes',
  },
  { id: 'ap-1', kind: 'wifi', zone: 'shoes' },
  { id: 'ap-pharmacy', kind: 'wifi', zone: 'pharmacy' },
];

const config: Config = shopConfig((base) =>
  configSchema.parse({ ...base, devices: [...base.devices.map(({ ...device }) => device), ...EXTRA] }),
);

function decoder() {
  return createDecode(devicesOf(config), shopMap(), createSeen(nothingStored), {
    isWifiUser: (user) => user === 'anna',
  });
}

/** What the bridge says, as the broker or a recording hands it on. */
function scan(
  payload: object | string,
  topic = 'home/omg-1/BTtoMQTT/AABBCCDDEEFF',
  device = 'omg-1',
): Message {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return { kind: 'message', topic, device, payload: Buffer.from(text), at: TEN };
}

const TAG = { id: 'AA:BB:CC:DD:EE:FF', mac_type: 1, rssi: -61, servicedatauuid: '0xfeaa' };
/** Published: identity key 0102…16, K = 10, beacon clock 2000 s (Radius Networks, ephemeral_calc). */
const EID = '4144413e45fefa58';
const EID_KEY = {
  kind: 'eid',
  identityKey: '0102030405060708090a111213141516',
  exponent: 10,
  offset: 2_000 - TEN / 1_000,
};

describe('another maker’s gateway', () => {
  it('is a receiver like ours: a tag’s id is a sighting at it', () => {
    expect(decoder()(scan({ ...TAG, servicedata: `30ee${EID}` }))).toEqual({
      readings: [],
      sightings: [{ key: { kind: 'eid', eid: EID }, anchor: 'omg-1', rssi: -61, at: TEN }],
      frames: [],
      strengths: [],
    });
  });

  it('is known by its topics in a recording, too', () => {
    const { sightings } = decoder()(scan({ ...TAG, servicedata: `30ee${EID}` }, undefined, 'omg-1/BTtoMQTT'));
    expect(sightings).toHaveLength(1);
  });

  it('hears the shop’s own devices', () => {
    const press = { id: '54:48:E6:8F:80:A5', rssi: -50, servicedata: '443a01', servicedatauuid: '0xfcd2' };
    const [said] = decoder()(scan(press)).readings;
    expect(said).toMatchObject({ device: { id: 'button-2' }, reading: { kind: 'press', press: 'press' } });
  });

  it('says whether it is there', () => {
    const [said] = decoder()(scan('offline', 'home/omg-1/LWT')).readings;
    expect(said).toMatchObject({ device: { id: 'omg-1' }, reading: { kind: 'health', state: 'offline' } });
  });

  it('says of a phone nothing at all', () => {
    const phone = { id: '7B:63:C6:82:DC:57', mac_type: 1, rssi: -60, manufacturerdata: '4c001005441c' };
    expect(decoder()(scan(phone))).toEqual({ readings: [], sightings: [], frames: [], strengths: [] });
  });

  it('R1: drops by a fixed word, and is named in the log by its dialect alone', () => {
    expect(decoder()(scan('{"id":"7B:63'))).toMatchObject({ dropped: 'not JSON' });
    expect(decoder()(scan({ id: '7B:63:C6', rssi: 1 }))).toMatchObject({ dropped: 'wrong form' });
    const bridge = devicesOf(config).find(({ id }) => id === 'omg-1');
    expect(messageName(bridge, 'home/omg-1/BTtoMQTT/7B63C682DC57')).toBe('open-mqtt-gateway');
  });

  it.each([
    ['devices/button-1/pressed', 'pressed'],
    ['devices/button-1/state', 'state'],
    ['devices/button-1/7B63C682DC57', 'unknown'],
    ['devices/button-1/constructor', 'unknown'],
    ['devices/button-1/replies/7B63C682DC57', 'unknown'],
  ])('R1: nor does %s of a device put the sender’s text there: %s', (topic, name) => {
    const button = devicesOf(config).find(({ id }) => id === 'button-1');
    expect(messageName(button, topic)).toBe(name);
    expect(messageName(undefined, topic)).toBe(name === 'state' ? 'state' : 'unknown');
  });

  it('recognises who agreed by a tag that it hears, and nobody else', () => {
    const pipeline = shop({ config });
    pipeline.accept(tick(TEN - 1_000));
    pipeline.accept(list(TEN - 500, 1, [consent(1, { keys: [EID_KEY] })]));
    const stranger = pipeline.accept(scan({ ...TAG, servicedata: '30ee0011223344556677' }));
    expect(stranger).toMatchObject({ events: [], changes: [] });
    const hers = pipeline.accept(scan({ ...TAG, servicedata: `30ee${EID}` }));
    expect(names(hers)).toContain('visit.started');
    expect(JSON.stringify(hers.events)).not.toMatch(/aa.?bb.?cc.?dd.?ee.?ff/i);
  });
});

describe('the shop’s Wi-Fi', () => {
  const PHONE = '02:10:a4:23:19:c0';
  const sent: { name: string; fields: object }[] = [];
  const send = (name: string, fields: object) => void sent.push({ name, fields });
  const anna = accessPoint({ address: PHONE, user: 'anna', session: '1', send });

  /** What the access point says when this is done. */
  function said(by: () => void, device = 'ap-1'): Message {
    by();
    const { name = '', fields = {} } = sent.pop() ?? {};
    return message(device, name, fields, TEN);
  }

  function inShop() {
    const pipeline = shop({ config });
    pipeline.accept(tick(TEN - 1_000));
    const keys = [{ kind: 'wifi', user: 'anna' }];
    pipeline.accept(
      list(TEN - 500, 1, [
        consent(1, { keys }),
        consent(2, { keys: [{ kind: 'wifi', address: '02-00-00-00-00-07' }] }),
      ]),
    );
    return pipeline;
  }

  it('recognises who signed in and agreed', () => {
    const { events } = inShop().accept(said(anna.start));
    expect(events[0]).toMatchObject({ name: 'visit.started', data: { method: 'wifi', confidence: 0.9 } });
  });

  it('does not recognise who signed in and did not agree, nor keep a word of it', () => {
    const bert = accessPoint({ address: PHONE, user: 'bert', session: '2', send });
    expect(inShop().accept(said(bert.start))).toMatchObject({ events: [], changes: [] });
  });

  it('knows a station that hostapd names by its open session', () => {
    const pipeline = inShop();
    const back = message('ap-1', 'hostapd', hostapdLine('CONNECTED', PHONE), TEN);
    expect(pipeline.accept(back).events).toEqual([]);
    const decode = decoder();
    decode(said(anna.start));
    expect(decode(back).sightings).toEqual([
      { key: { kind: 'wifi', user: 'anna', address: PHONE }, anchor: 'ap-1', rssi: null, at: TEN },
    ]);
    decode(said(anna.stop));
    expect(decode(back).sightings[0]?.key).toEqual({ kind: 'wifi', address: PHONE });
  });

  it('knows a station that a consent names', () => {
    const back = message('ap-1', 'hostapd', hostapdLine('CONNECTED', '02:00:00:00:00:07'), TEN);
    expect(names(inShop().accept(back))).toContain('visit.started');
  });

  it('takes Stop and a station that left for nobody’s presence', () => {
    expect(decoder()(said(anna.stop)).sightings).toEqual([]);
    const left = message('ap-1', 'hostapd', hostapdLine('DISCONNECTED', PHONE), TEN);
    expect(decoder()(left).sightings).toEqual([]);
  });

  it('R25: tells nothing of who signs in in a sensitive zone', () => {
    expect(inShop().accept(said(anna.start, 'ap-pharmacy')).events).toEqual([]);
  });

  it('drops by name what it cannot read', () => {
    expect(decoder()(message('ap-1', 'accounting', '{"User-Name":', TEN))).toMatchObject({
      dropped: 'not JSON',
    });
    expect(decoder()(message('ap-1', 'accounting', { 'User-Name': 'anna' }, TEN))).toMatchObject({
      dropped: 'wrong form',
    });
    expect(decoder()(message('ap-1', 'hostapd', { line: 7 }, TEN))).toMatchObject({ dropped: 'wrong form' });
  });

  it('does not take bare text for a message of another kind of device', () => {
    expect(decoder()(message('button-1', 'pressed', 'press', TEN))).toMatchObject({ dropped: 'not JSON' });
  });
});
