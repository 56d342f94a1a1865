import { describe, expect, it } from 'vitest';
import { readAdvertisingData, serviceData } from '../../../devices/wire/advertising-data.ts';
import { BTHOME, readBthome } from '../../../devices/wire/bthome.ts';
import { fromHex } from '../../../devices/wire/hex.ts';
import { bthomeButton, mqttButton } from '../../../firmware-sim/firmware/button.ts';

const address = 'e8:e0:7e:00:00:04';
const key = fromHex('231d39c1d7cc1ab1aee224cd096db932') ?? new Uint8Array();

function pressed(times: number, bindKey?: Uint8Array) {
  const frames: Uint8Array[] = [];
  const button = bthomeButton({
    address,
    ...(bindKey && { key: bindKey }),
    batteryPct: 90,
    transmit: ({ data }) => void frames.push(data),
    later: (_, then) => then(),
  });
  for (let i = 0; i < times; i += 1) button.press();
  return frames.map((frame) => {
    const data = serviceData(readAdvertisingData(frame) ?? [], BTHOME);
    return readBthome(data ?? new Uint8Array(), { address, key });
  });
}

const objectOf = (frame: ReturnType<typeof readBthome>, id: number) =>
  frame?.objects?.find((object) => object.id === id)?.value;

describe('a radio button', () => {
  it('sends each press several times under one packet id, and the next under another', () => {
    const frames = pressed(2);
    expect(frames.every((frame) => objectOf(frame, 0x3a) === 'press')).toBe(true);
    expect(new Set(frames.map((frame) => objectOf(frame, 0x00)))).toEqual(new Set([1, 2]));
    expect(frames.length).toBeGreaterThan(4);
  });

  it('with a key sends sealed frames, their counter growing with each press', () => {
    const frames = pressed(3, key);
    expect(frames.every((frame) => frame?.encrypted && objectOf(frame, 0x3a) === 'press')).toBe(true);
    expect([...new Set(frames.map((frame) => frame?.counter))]).toEqual([1, 2, 3]);
  });
});

describe('a button on MQTT', () => {
  it('tells a press as the contract has it', () => {
    const told: unknown[] = [];
    mqttButton((name, fields) => void told.push([name, fields])).press();
    expect(told).toEqual([['pressed', { button: 1, press: 'press' }]]);
  });
});
