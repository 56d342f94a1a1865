import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BthomeObject, bthomeFields, readBthome, writeBthome } from '../../../devices/wire/bthome.ts';
import { EVENTS, OBJECT_TYPES } from '../../../devices/wire/bthome-objects.ts';
import { toHex } from '../../../devices/wire/hex.ts';
import { bytes, readText } from './cases.ts';

const { examples } = JSON.parse(readText('bthome-examples.json')) as {
  examples: [hex: string, name: string, value: number | boolean | string | null][];
};
const { bthome } = JSON.parse(readText('vectors.json'));

function objectsOf(hex: string): BthomeObject[] {
  return readBthome(bytes(hex))?.objects ?? [];
}

function fieldsOf(hex: string) {
  return bthomeFields(objectsOf(hex));
}

describe('BTHome objects', () => {
  it.each(examples)('reads %s as %s %s, as the tables of the site do', (hex, name, value) => {
    const fields = fieldsOf(`40${hex}`);
    if (value === null) expect(fields).toEqual({});
    else expect(fields[name]).toBe(value);
    expect(objectsOf(`40${hex}`)).toHaveLength(1);
  });

  it.each(examples)('writes %s again', (hex) => {
    expect(toHex(writeBthome({ objects: objectsOf(`40${hex}`) }))).toBe(`40${hex.toLowerCase()}`);
  });

  it('has an example for every id but the one that the site has none for', () => {
    const seen = new Set(examples.map(([hex]) => Number.parseInt(hex.slice(0, 2), 16)));
    expect([...OBJECT_TYPES.keys()].filter((id) => !seen.has(id))).toEqual([0x62]);
    expect([...OBJECT_TYPES.keys()].sort((a, b) => a - b)).toEqual([
      ...span(0, 0x2f),
      ...span(0x3a, 0x65),
      0xf0,
      0xf1,
      0xf2,
    ]);
  });

  it('reads a speed with its sign in millionths', () => {
    expect(fieldsOf('40624057d0ff')).toEqual({ speed: -3.123392 });
  });

  it.each(bthome.plain as [string, Record<string, number>][])(
    'reads the published payload %s',
    (hex, expected) => {
      expect(Object.values(fieldsOf(hex))).toEqual(Object.values(expected));
    },
  );

  it('numbers what several objects share, those that say nothing included', () => {
    expect(fieldsOf('4002ca0902c40945110157ea')).toEqual({
      temperature_1: 25.06,
      temperature_2: 25,
      temperature_3: 27.3,
      temperature_4: -22,
    });
    expect(fieldsOf('403a003a013a073a03')).toEqual({ button_2: 'press', button_4: 'triple_press' });
    expect(fieldsOf('403c00003c020a')).toEqual({ dimmer_2: 'rotate_right', dimmer_2_steps: 10 });
    expect(fieldsOf('403b0103053b0002')).toEqual({
      command_1: 'step_up',
      command_1_args: '05',
      command_2: 'toggle',
    });
    expect(fieldsOf('400b021b001001')).toEqual({ power_1: 69.14, power_2: true });
  });

  it("counts a command's arguments in five bits, whatever the reserved three say", () => {
    expect(fieldsOf('403be103053d0960')).toEqual({ command: 'step_up', command_args: '05', count: 24_585 });
  });

  it('stops at an id that it does not know and keeps what came before', () => {
    expect(fieldsOf('4001646602c409')).toEqual({ battery: 100 });
    expect(fieldsOf('40feca09')).toEqual({});
  });

  it.each(['4001640', '40016402c4', '400164530a4869', '40016453', '4001643b', '4001643b0103', '4001643c01'])(
    'keeps what came before the object that is cut off in %s',
    (hex) => {
      expect(fieldsOf(hex)).toEqual({ battery: 100 });
    },
  );

  it('says nothing for text that is no UTF-8 and goes on behind it', () => {
    expect(fieldsOf('405302c3285400')).toEqual({ raw: '' });
    expect(fieldsOf('405300530161')).toEqual({ text_1: '', text_2: 'a' });
  });

  it('reads octets beyond ASCII as UTF-8', () => {
    expect(fieldsOf('405306c3a4e282ac21')).toEqual({ text: 'ä€!' });
  });
});

describe('the head of a BTHome frame', () => {
  it('tells a device that sends on events only', () => {
    expect(readBthome(bytes('443a01'))).toEqual({
      encrypted: false,
      triggerBased: true,
      objects: [{ id: 0x3a, value: 'press' }],
    });
    expect(toHex(writeBthome({ objects: [{ id: 0x3a, value: 'press' }], triggerBased: true }))).toBe(
      '443a01',
    );
  });

  it('gives the address that a frame carries', () => {
    expect(readBthome(bytes('42a5808fe648540161'))).toMatchObject({
      address: '54:48:e6:8f:80:a5',
      objects: [{ id: 1, value: 97 }],
    });
    expect(readBthome(bytes('42a5808fe6'))).toEqual({ encrypted: false, triggerBased: false });
  });

  it('has nothing to read in another version, and is nothing without device information', () => {
    expect(readBthome(bytes('200164'))).toEqual({ encrypted: false, triggerBased: false });
    expect(readBthome(bytes('600164'))?.objects).toBeUndefined();
    expect(readBthome(bytes(''))).toBeUndefined();
  });
});

describe('encrypted BTHome', () => {
  const from = { address: bthome.mac as string, key: bytes(bthome.key) };
  const sealed = [
    ...(bthome.encrypted as [string, string, number][]).map((vector) => [...vector, from] as const),
    [
      bthome.shellyButtonEncrypted.serviceData as string,
      bthome.shellyButtonEncrypted.plaintext as string,
      bthome.shellyButtonEncrypted.counter as number,
      { address: bthome.shellyButtonEncrypted.mac as string, key: bytes(bthome.shellyButtonEncrypted.key) },
    ] as const,
  ];

  it.each(sealed)('opens %s to %s with its counter %i', (data, plain, counter, sender) => {
    const frame = readBthome(bytes(data), sender);
    expect(frame).toMatchObject({ encrypted: true, counter, objects: objectsOf(`40${plain}`) });
  });

  it.each(sealed)('seals %s from %s and the counter %i', (data, plain, counter, sender) => {
    const objects = objectsOf(`40${plain}`);
    const triggerBased = data.startsWith('45');
    expect(toHex(writeBthome({ objects, triggerBased, encryption: { ...sender, counter } }))).toBe(data);
  });

  it.each(bthome.mustFail as [string, string, string, string][])(
    'does not open with a %s',
    (_, key, address, data) => {
      expect(readBthome(bytes(data), { address, key: bytes(key) })).toEqual({
        encrypted: true,
        triggerBased: false,
      });
    },
  );

  it('does not open with any bit of the frame, the key or the address turned', () => {
    const data = bytes('41a47266c95f730011223378237214');
    const opened = (frame: Uint8Array, sender = from) => readBthome(frame, sender)?.objects;
    expect(opened(data)).toHaveLength(2);
    for (let bit = 8; bit < data.length * 8; bit += 1) expect(opened(turned(data, bit))).toBeUndefined();
    for (let bit = 0; bit < 128; bit += 1) {
      expect(opened(data, { ...from, key: turned(from.key, bit) })).toBeUndefined();
    }
    for (let bit = 0; bit < 48; bit += 1) {
      expect(opened(data, { ...from, address: toHex(turned(bytes(from.address), bit)) })).toBeUndefined();
    }
  });

  it('opens a frame that carries its address with that address', () => {
    const data = bytes('43a5808fe64854f196c06ffb4900112233f08ecbde');
    const expected = { address: '54:48:e6:8f:80:a5', objects: objectsOf('4002ca0903bf13') };
    expect(readBthome(data, { key: from.key })).toMatchObject(expected);
    expect(readBthome(data, { key: from.key, address: 'a4:c1:38:8d:18:b2' })).toMatchObject(expected);
  });

  it('tells a plain frame of a device that should encrypt from an encrypted one', () => {
    expect(readBthome(bytes('4002ca09'), from)?.encrypted).toBe(false);
  });

  it('is not opened where it is too short to be sealed', () => {
    for (let length = 1; length <= 9; length += 1) {
      expect(
        readBthome(bytes('41a47266c95f730011223378237214').subarray(0, length), from)?.objects,
      ).toBeUndefined();
    }
  });
});

describe('writing BTHome', () => {
  const object: fc.Arbitrary<BthomeObject> = fc
    .constantFrom(...OBJECT_TYPES)
    .chain(([id, type]): fc.Arbitrary<BthomeObject> => {
      const range = 2 ** (8 * type.length);
      switch (type.kind) {
        case 'number':
          return fc
            .integer({ min: type.signed ? -range / 2 : 0, max: type.signed ? range / 2 - 1 : range - 1 })
            .map((steps) => ({ id, value: (steps * type.times) / type.per }));
        case 'binary':
          return fc.boolean().map((value) => ({ id, value }));
        case 'text':
          return fc.string({ unit: 'grapheme', maxLength: 20 }).map((value) => ({ id, value }));
        case 'raw':
          return fc.uint8Array({ maxLength: 40 }).map((value) => ({ id, value: toHex(value) }));
        case 'version':
          return fc
            .array(fc.nat(255), { minLength: type.length, maxLength: type.length })
            .map((parts) => ({ id, value: parts.join('.') }));
        case 'button':
          return fc.constantFrom(null, ...Object.values(EVENTS.button)).map((value) => ({ id, value }));
        case 'dimmer':
          return fc
            .tuple(fc.constantFrom(...Object.values(EVENTS.dimmer)), fc.nat(255))
            .map(([value, steps]) => ({ id, value, steps }));
        case 'command':
          return fc
            .tuple(
              fc.constantFrom(...Object.values(EVENTS.command)),
              fc.uint8Array({ minLength: 1, maxLength: 31 }),
            )
            .map(([value, args]) => ({ id, value, args: toHex(args) }));
      }
    });

  it('is read as it was written, plain and sealed, in the order of the ids', () => {
    fc.assert(
      fc.property(
        fc.array(object, { maxLength: 6 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.nat(2 ** 32 - 1),
        (objects, key, counter) => {
          const sorted = [...objects].sort((a, b) => a.id - b.id);
          expect(readBthome(writeBthome({ objects }))?.objects).toEqual(sorted);
          if (objects.length === 0) return;
          const encryption = { key, address: 'c0:ff:ee:00:00:01', counter };
          const frame = readBthome(writeBthome({ objects, encryption }), encryption);
          expect(frame).toMatchObject({ encrypted: true, counter, objects: sorted });
        },
      ),
      { numRuns: 500 },
    );
  });

  it('refuses what an object cannot hold', () => {
    const write = (one: BthomeObject) => () => writeBthome({ objects: [one] });
    expect(write({ id: 0x66, value: 1 })).toThrow(/no object 0x66/);
    expect(write({ id: 0x02, value: 400 })).toThrow(/temperature of 2 octets cannot hold 400/);
    expect(write({ id: 0x01, value: -1 })).toThrow(RangeError);
    expect(write({ id: 0x01, value: Number.NaN })).toThrow(RangeError);
    for (const id of [0x01, 0x11, 0x53, 0x54, 0xf1, 0x3b])
      expect(write({ id, value: null })).toThrow(RangeError);
    expect(write({ id: 0x3a, value: 'shove' })).toThrow(/no event "shove"/);
    expect(write({ id: 0x53, value: 'x'.repeat(256) })).toThrow(/256 octets/);
    expect(write({ id: 0x54, value: 'x' })).toThrow(RangeError);
    expect(write({ id: 0xf2, value: '1.2' })).toThrow(RangeError);
    expect(write({ id: 0x3b, value: 'on', args: '00'.repeat(32) })).toThrow(RangeError);
    const encryption = { key: new Uint8Array(16), address: 'here', counter: 1 };
    expect(() => writeBthome({ objects: [], encryption })).toThrow(/"here" is no Bluetooth address/);
  });
});

function turned(data: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(data);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

function span(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
