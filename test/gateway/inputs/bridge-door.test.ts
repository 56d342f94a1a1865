import { describe, expect, it } from 'vitest';
import type { Message } from '../../../devices/device.ts';
import { openMqttMessages } from '../../../firmware-sim/firmware/open-mqtt-gateway.ts';
import { strangerPhone } from '../../../firmware-sim/firmware/stranger-phone.ts';
import { seededRandom } from '../../../firmware-sim/shop-floor/seeded-random.ts';
import { parseConfig } from '../../../gateway/config.ts';
import { createBridgeDoor } from '../../../gateway/inputs/bridge-door.ts';
import { shopDevices } from '../../../gateway/pipeline/decode.ts';

const config = parseConfig(
  `
store: {id: s1, gateway: g1, timezone: Europe/Paris}
mode: identify
map: {}
devices:
  - {id: omg-1, kind: receiver, dialect: open-mqtt-gateway, topics: ["home/omg-1/BTtoMQTT/#"]}
  - {id: r-1, kind: receiver}
`,
  'aisle.yaml',
);

const UUID = '1de4b189115e45f6b44e509352269977';
const NAMES = ['eddystone-eid', 'rolling-token', `ibeacon:${UUID}`, 'address:a4:c1:38:00:00:01'];
const EID = { servicedata: '30eea9b76a71c5f89290', servicedatauuid: '0xfeaa' };

function door(names: readonly string[] = NAMES) {
  const made = createBridgeDoor(shopDevices(config, () => Buffer.alloc(16)));
  made.accept(names);
  return made;
}

function scan(body: object | string, device = 'omg-1'): Message {
  const payload = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return { kind: 'message', device, topic: 'home/omg-1/BTtoMQTT/AABBCCDDEEFF', payload, at: 0 };
}

const heard = (more: object, id = 'AA:BB:CC:DD:EE:FF') => scan({ id, mac_type: 1, rssi: -60, ...more });

describe('R2: of what another maker’s gateway heard', () => {
  it.each([
    ['an ephemeral id', heard(EID)],
    ['a rolling token', heard({ manufacturerdata: `ffff4149${'ab'.repeat(16)}` })],
    ['an iBeacon of the list', heard({ model_id: 'IBEACON', uuid: UUID, major: 1, minor: 2, txpower: -59 })],
    [
      'a device of the shop',
      heard({ servicedata: '400161', servicedatauuid: '0xfcd2' }, 'A4:C1:38:00:00:01'),
    ],
  ])('%s may pass', (_what, message) => {
    expect(door().turnsAway(message)).toBeUndefined();
  });

  it.each([
    // iPhones' frames of the identity notes and pub-014, pub-026 of the publishers' samples
    ['a phone', heard({ manufacturerdata: '4c000f06a033bd08c5001002440c' })],
    [
      'a television',
      scan('{"id":"59:D6:88:02:47:B8","name":"[LG] webOS TV OLED65C7V","rssi":-63,"distance":1.602966}'),
    ],
    [
      'a phone that somebody resolved',
      scan('{"manufacturerdata":"2c0q1006191e7v30x6fa","id":"11:22:33:44:55:66","rssi":-42}'),
    ],
    [
      'an iBeacon of no list',
      heard({ model_id: 'IBEACON', uuid: UUID.replace('1', '2'), major: 1, minor: 2, txpower: -59 }),
    ],
    ['an Eddystone telemetry', heard({ servicedata: '20000b18130000000000', servicedatauuid: '0xfeaa' })],
    ['a sensor of somebody', heard({ servicedata: '400161', servicedatauuid: '0xfcd2' })],
    ['an address alone', heard({}, 'A4:C1:38:00:00:01')],
  ])('%s ends there, without a word', (_what, message) => {
    expect(door().turnsAway(message)).toEqual({});
  });

  it('every phone of strangers ends there', () => {
    const random = seededRandom(3, 'phones');
    const made = door();
    for (let i = 0; i < 500; i += 1) {
      const { address, data } = strangerPhone(random)(0);
      for (const { payload } of openMqttMessages('home/omg-1', {
        address,
        addressType: 'random',
        rssi: -60,
        data,
      })) {
        expect(made.turnsAway(scan(payload))).toEqual({});
      }
    }
  });

  it('nothing passes before a list came, and nothing but what the last one names', () => {
    const made = createBridgeDoor(shopDevices(config, () => Buffer.alloc(16)));
    expect(made.turnsAway(heard(EID))).toEqual({});
    made.accept(NAMES);
    expect(made.turnsAway(heard(EID))).toBeUndefined();
    made.accept(['address:a4:c1:38:00:00:01']);
    expect(made.turnsAway(heard(EID))).toEqual({});
  });

  it('what cannot be read ends there too, with a fixed word', () => {
    expect(door().turnsAway(scan('{"id":"AA:BB'))).toEqual({ dropped: 'not JSON' });
    expect(door().turnsAway(scan({ id: 'AA:BB:CC', rssi: -60 }))).toEqual({ dropped: 'wrong form' });
  });
});

it('devices of the shop’s own kind pass by', () => {
  expect(door().turnsAway(scan('anything', 'r-1'))).toBeUndefined();
});
