import { expect, it } from 'vitest';
import { readBindKey } from '../../gateway/bind-key.ts';
import { parseConfig } from '../../gateway/config.ts';
import { messageClasses } from '../../gateway/message-class.ts';
import { shopDevices } from '../../gateway/pipeline/decode.ts';

const classOf = messageClasses(shopDevices(configured(), readBindKey));

function configured() {
  return parseConfig(
    `store: {id: s1, gateway: g1, timezone: Europe/Paris}
mode: off
map: {}
devices:
  - {id: r1, kind: receiver}
  - {id: b1, kind: smart-button}
  - {id: withdraw, kind: smart-button, intents: {press: consent-withdraw}}
  - {id: door, kind: check-in}
  - {id: t1, kind: thermostat}
  - {id: omg, kind: receiver, dialect: open-mqtt-gateway, topics: ["home/OMG_1/BTtoMQTT/#"]}
`,
    'aisle.yaml',
  );
}

it.each([
  ['r1', 'devices/r1/advertisements', 'B'],
  ['r1', 'devices/r1/crowd', 'C'],
  ['b1', 'devices/b1/pressed', 'B'],
  ['t1', 'devices/t1/thermostat', 'B'],
  ['t1', 'devices/t1/climate', 'C'],
  ['t1', 'devices/t1/replies/setpoint', 'B'],
  ['b1', 'devices/b1/state', 'C'],
  ['omg', 'home/OMG_1/BTtoMQTT/AABBCCDDEEFF', 'B'],
])(
  'P5: a message has the class of the highest event that it can make: %s %s is %s',
  (device, topic, kind) => {
    expect(classOf(message(device, topic))).toBe(kind);
  },
);

it('P5: what somebody chooses about consent is of class A, by whichever device', () => {
  expect(classOf(message('door', 'devices/door/scanned'))).toBe('A');
  expect(classOf(message('withdraw', 'devices/withdraw/pressed'))).toBe('A');
});

it('has none where it says nothing', () => {
  expect(classOf(message('b1', 'devices/b1/nonsense'))).toBeUndefined();
  expect(classOf(message('nobody', 'devices/nobody/pressed'))).toBeUndefined();
});

function message(device: string, topic: string) {
  return { kind: 'message' as const, device, topic, payload: new Uint8Array(), at: 1 };
}
