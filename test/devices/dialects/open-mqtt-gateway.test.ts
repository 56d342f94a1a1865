import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openMqttGateway } from '../../../devices/dialects/open-mqtt-gateway.ts';
import { toHex } from '../../../devices/wire/hex.ts';

const SCAN = 'home/OpenMQTTGateway/BTtoMQTT/';

function read(payload: unknown, topic = `${SCAN}112233445566`) {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return openMqttGateway.read(topic, Buffer.from(text));
}

/** The one frame of a message, its data in hex. */
function frameOf(said: ReturnType<typeof read>) {
  const [reading] = typeof said === 'string' ? [] : said;
  const frame = reading?.kind === 'heard' ? reading.frames[0] : undefined;
  return frame && { ...frame, data: toHex(frame.data) };
}

describe('what OpenMQTTGateway published, as its documentation and its users’ issues have it', () => {
  // docs/use/ble.md of 1technophile/OpenMQTTGateway, "Advertisement and advanced data"
  it('with advertisement data is the frame that was heard', () => {
    const said = read(
      '{"id":"11:22:33:44:55:66","mac_type":0,"adv_type":0,"name":"Qingping Motion & Light","rssi":-93,"servicedata":"88121122334455660201520f0126090403000000","servicedatauuid":"0xfdcd","brand":"Qingping","model":"Motion & Light","model_id":"CGPR1","lux":3,"batt":82}',
    );
    expect(frameOf(said)).toEqual({
      address: '11:22:33:44:55:66',
      addressType: 'public',
      rssi: -93,
      data: '1716cdfd88121122334455660201520f0126090403000000',
      ageMs: 0,
    });
  });

  // Issue 358 of the same project: an older firmware, the UUID in its long form.
  it('by an older firmware has the UUID in its long form', () => {
    const said = read(
      '{"id":"c4:7c:8d:66:10:11","name":"Flower care","rssi":-82,"distance":11.4949,"servicedata":"71209800de1110668d7cc40d071003fd0000","servicedatauuid":"0000fe95-0000-1000-8000-00805f9b34fb"}',
    );
    expect(frameOf(said)?.data).toBe('151695fe71209800de1110668d7cc40d071003fd0000');
  });

  // The same issue: bytes that are no text, and service data of nothing but zeros.
  it('by an older firmware may have manufacturer data that is no hexadecimal text: left out', () => {
    const said = read(
      '{"id":"69:d9:a1:be:3f:43","manufacturerdata":"�","rssi":-89,"distance":21.51847,"servicedata":"0000000000000000000000000000000000000000","servicedatauuid":"0000fe9f-0000-1000-8000-00805f9b34fb"}',
    );
    expect(frameOf(said)?.data).toBe(`17169ffe${'00'.repeat(20)}`);
  });

  // docs/use/ble.md, "iBeacon UUID as topic" and "presenceUseBeaconUuid"
  it.each([
    [
      'by its address',
      '{"id":"52:10:A8:46:90:AC","mac_type":1,"rssi":-76,"brand":"GENERIC","model":"iBeacon","model_id":"IBEACON","mfid":"4c00","uuid":"1de4b189115e45f6b44e509352269977","major":0,"minor":0,"txpower":-66}',
    ],
    [
      'by its UUID',
      '{"id":"1de4b189115e45f6b44e509352269977","mac_type":1,"rssi":-76,"distance":7.85288,"brand":"GENERIC","model":"iBeacon","model_id":"IBEACON","mfid":"4c00","uuid":"1de4b189115e45f6b44e509352269977","major":0,"minor":0,"txpower":-66,"mac":"52:10:A8:46:90:AC"}',
    ],
  ])('an iBeacon that was decoded there, named %s, is an iBeacon again', (_by, payload) => {
    expect(frameOf(read(payload, `${SCAN}1de4b189115e45f6b44e509352269977`))).toEqual({
      address: '52:10:a8:46:90:ac',
      addressType: 'random',
      rssi: -76,
      data: '1aff4c0002151de4b189115e45f6b44e50935226997700000000be',
      ageMs: 0,
    });
  });

  it.each([
    // publisher-samples.jsonl, pub-000, pub-014, pub-026: service data of no UUID, none, and no hexadecimal text
    '{"id":"45:e1:74:12:6e:00","rssi":-89,"distance":21.51847,"servicedata":"fe0000000000000000000000000000000000000000"}',
    '{"id":"59:D6:88:02:47:B8","name":"[LG] webOS TV OLED65C7V","rssi":-63,"distance":1.602966}',
    '{"manufacturerdata": "2c0q1006191e7v30x6fa", "id": "11:22:33:44:55:66", "rssi": -42, "brand": "Apple", "model": "Apple iPhone/iPad", "model_id": "APPLEDEVICE", "type": "TRACK", "track": true, "unlocked": false, "distance": 0.03341741003670675}',
  ])('without a byte that was sent is nothing: %s', (payload) => {
    expect(read(payload)).toEqual([]);
  });

  it.each([
    ['home/OpenMQTTGateway/commands/MQTTtoBT/config', '{"white-list":["01:23:14:55:16:15"]}'],
    ['home/OpenMQTTGateway/433toMQTT', '{"value":1315156,"protocol":1,"length":24,"delay":317}'],
    ['home/OpenMQTTGateway/BTtoMQTT', '{"bleconnect":true,"interval":55555}'],
    ['home/OpenMQTTGateway/SYStoMQTT', '{"uptime":120,"rssi":-39}'],
  ])('at %s is nothing that was heard', (topic, payload) => {
    expect(read(payload, topic)).toEqual([]);
  });

  it('at LWT is whether it is there', () => {
    expect(read('online', 'home/OpenMQTTGateway/LWT')).toEqual([{ kind: 'health', state: 'online' }]);
    expect(read('perhaps', 'home/OpenMQTTGateway/LWT')).toBe('wrong form');
  });
});

describe('a message that is not as it should be', () => {
  it.each([
    ['JSON that breaks off', '{"id":"11:22:33:44:55:66",', 'not JSON'],
    ['nothing', '', 'not JSON'],
    ['null', 'null', 'wrong form'],
    ['a list', '[]', 'wrong form'],
    ['lists in lists in lists', `${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'wrong form'],
    ['no address', '{"rssi":-70}', 'wrong form'],
    ['a shortened address', '{"id":"F3:52:85","rssi":-82}', 'wrong form'],
    ['a number for an address', '{"id":112233445566,"rssi":-82}', 'wrong form'],
    ['text for a signal strength', '{"id":"11:22:33:44:55:66","rssi":"-82"}', 'wrong form'],
    ['no signal strength', '{"id":"11:22:33:44:55:66"}', 'wrong form'],
    ['a list for bytes', '{"id":"11:22:33:44:55:66","rssi":-82,"servicedata":[1]}', 'wrong form'],
    [
      'bytes without end',
      `{"id":"11:22:33:44:55:66","rssi":-82,"servicedata":"${'ab'.repeat(30_000)}"}`,
      'wrong form',
    ],
    ['a key named like an inherited one', '{"__proto__":{"id":"11:22:33:44:55:66","rssi":-1}}', 'wrong form'],
  ])('is named, not thrown: %s', (_what, payload, why) => {
    expect(read(payload)).toBe(why);
  });

  it('with more bytes than an AD structure holds leaves them out', () => {
    const message = { id: '11:22:33:44:55:66', rssi: -60, servicedatauuid: '0xfeaa' };
    expect(read({ ...message, servicedata: 'ab'.repeat(253) })).toEqual([]);
    expect(frameOf(read({ ...message, servicedata: 'ab'.repeat(252) }))?.data).toHaveLength(512);
  });

  it('with a UUID of 128 bits is nobody’s of ours', () => {
    const uuid = '7905f431-b5ce-4e99-a40f-4b1e122d00d0';
    expect(read({ id: '11:22:33:44:55:66', rssi: -60, servicedata: 'ab', servicedatauuid: uuid })).toEqual(
      [],
    );
  });

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.json(), fc.string()),
        fc.constantFrom(`${SCAN}AABBCCDDEEFF`, 'a/LWT', ''),
        (said, topic) => {
          openMqttGateway.read(topic, Buffer.from(said));
        },
      ),
    );
  });
});

it.each([
  ['home/OpenMQTTGateway/BTtoMQTT/#', 'home/OpenMQTTGateway'],
  ['home/OpenMQTTGateway/#', 'home/OpenMQTTGateway'],
  ['home/OpenMQTTGateway/LWT', 'home/OpenMQTTGateway'],
  ['shop/north/omg/433toMQTT', 'shop/north/omg'],
  ['home/BTtoMQTT/#', undefined],
  ['home/omg/other', undefined],
])('the branch of %s is %s', (filter, branch) => {
  expect(openMqttGateway.branch(filter)).toBe(branch);
});
