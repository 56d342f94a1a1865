import { describe, expect, it } from 'vitest';
import type { Message } from '../../../devices/device.ts';
import { optOutValue } from '../../../devices/opt-out.ts';
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
const KEY = Buffer.alloc(32, 3);
const PHONE = '54:48:e6:8f:80:a5';
const SENSOR = 'a4:c1:38:00:00:01';
const TAG = 'c4:12:f5:00:00:31';
const EID = '0d16aafe30eea9b76a71c5f89290';

function door(...listed: string[]) {
  const made = createBridgeDoor(shopDevices(config, () => Buffer.alloc(16)));
  const values = listed.map((address) => optOutValue(KEY, address) ?? -1);
  const optOut = values.length > 0 ? { key: KEY.toString('hex'), values } : undefined;
  made.accept(['eddystone-eid', `address:${SENSOR}`], optOut);
  return made;
}

function message(payload: object | string, topic = 'devices/r-1/advertisements', device = 'r-1'): Message {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return { kind: 'message', device, topic, payload: Buffer.from(text), at: 0 };
}
const frame = (address: string) => ({ address, addressType: 'random', rssi: -60, data: EID, ageMs: 0 });
const addressesOf = ({ payload }: Message) =>
  JSON.parse(Buffer.from(payload).toString()).frames.map(({ address }: { address: string }) => address);

describe('R22: of a receiver that does not know the list', () => {
  it('frames of who objected are gone before anything reads them, the others and the numbers stay', () => {
    const said = message({ frames: [PHONE.toUpperCase(), TAG, SENSOR].map(frame), seq: 7, boot: 'b' });
    const kept = door(PHONE, SENSOR).withoutOptedOut(said);
    expect(addressesOf(kept)).toEqual([TAG, SENSOR]);
    expect(JSON.parse(Buffer.from(kept.payload).toString())).toMatchObject({ seq: 7, boot: 'b' });
  });

  it('a message goes on untouched where nobody in it objected, or nobody at all', () => {
    const said = message({ frames: [frame(PHONE)] });
    expect(door(TAG).withoutOptedOut(said)).toBe(said);
    expect(door().withoutOptedOut(said)).toBe(said);
  });

  it.each(['{', 'null', '[]', '{"frames":7}', '{"frames":[null,7,{"address":7}]}'])(
    'what cannot be read is left for decode to name: %s',
    (text) => {
      const said = message(text);
      expect(door(PHONE).withoutOptedOut(said)).toBe(said);
    },
  );
});

it('R22: frames of who objected that another maker’s gateway heard end at the door', () => {
  const heard = (id: string) =>
    message(
      { id, mac_type: 1, rssi: -60, servicedata: '30eea9b76a71c5f89290', servicedatauuid: '0xfeaa' },
      'home/omg-1/BTtoMQTT/X',
      'omg-1',
    );
  expect(door(PHONE).turnsAway(heard(PHONE.toUpperCase()))).toEqual({});
  expect(door(PHONE).turnsAway(heard(TAG))).toBeUndefined();
});
