import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAdvertisement, FORMATS } from '../../../devices/wire/decode.ts';
import { bytes, type Case, casesOf, isComplete, missing, readText, senderOf, valuesOf } from './cases.ts';

const cases = casesOf('ble-cases.jsonl');
const captures = casesOf('captures.jsonl');
const known = [...cases, ...captures].filter(({ format }) => format !== null);

function decode(one: Case) {
  return decodeAdvertisement(bytes(one.data), senderOf(one));
}

/** The files tell encrypted BTHome frames apart, the contract does not. */
function formatOf({ format }: Case): string | undefined {
  return format?.replace(/^bthome2.*/, 'bthome');
}

describe('decoding what other projects decode', () => {
  it('has all 92 cases to go by', () => {
    expect(cases).toHaveLength(92);
    expect(cases.every(({ source }) => /\((MIT|Apache-2\.0)\)$/.test(source))).toBe(true);
  });

  it.each(known)('reads $id as $format with the values of $source', (one) => {
    const decoded = decode(one);
    expect(decoded?.format).toBe(formatOf(one));
    expect(missing(one.expect ?? {}, decoded?.fields ?? {})).toEqual([]);
  });

  it.each(known.filter(({ expect }) => expect !== null && isComplete(expect)))(
    'reads nothing into $id that its own parser does not',
    (one) => {
      const names = Object.keys(decode(one)?.fields ?? {}).filter((name) => !/_(steps|args)$/.test(name));
      expect(names).toHaveLength(valuesOf(one.expect ?? {}).length);
    },
  );

  it.each(captures.filter(({ format }) => format === null))('has nothing to say about $id', (one) => {
    expect(decode(one)).toBeNull();
  });

  it('would not take a wrong value for a right one', () => {
    expect(missing({ temperature: 25.06 }, { temperature: 25.08 })).toEqual([25.06]);
    expect(missing({ a: 1, b: 1 }, { a: true })).toEqual([1]);
    expect(missing({ uuid: 'E2-C5' }, { proximity_uuid: 'e2c5', major: 1 })).toEqual([]);
  });

  it.each(['iBeacon', 'bthomeV2Enc'])('finds the %s in a whole HCI report', (name) => {
    const { hciFrames, bthome } = JSON.parse(readText('vectors.json'));
    const { hex, mac } = hciFrames[name];
    const report = bytes(hex);
    // LE Advertising Report, Core Spec vol 4 E §7.7.65.2: event header, address, length, data, RSSI.
    const address = Buffer.from(report.subarray(7, 13)).reverse().toString('hex');
    const data = report.subarray(14, 14 + (report[13] ?? 0));
    expect(address).toBe(mac);
    const decoded = decodeAdvertisement(data, { address, key: bytes(bthome.key) });
    expect(decoded?.fields).toEqual(
      name === 'iBeacon'
        ? {
            proximity_uuid: 'e2c56db5-dffb-48d2-b060-d0f5a71096e0',
            major: 100,
            minor: 0,
            measured_power: -59,
          }
        : { temperature: 25.06, humidity: 50.55 },
    );
  });
});

describe('names and order', () => {
  it('names fields as each specification does', () => {
    const fields = (id: string) => {
      const found = known.find((one) => one.id === id);
      return Object.keys((found && decode(found)?.fields) ?? {});
    };
    expect(fields('ble-0745')).toEqual(['proximity_uuid', 'major', 'minor', 'measured_power']);
    expect(fields('ble-1156')).toEqual([
      'mfg_id',
      'beacon_id',
      'id1',
      'id2',
      'id3',
      'reference_rssi',
      'mfg_reserved',
    ]);
    expect(fields('uid-23')).toEqual(['ranging_data', 'nid', 'bid']);
    expect(fields('ble-1189')).toEqual(['tx_power', 'url']);
    expect(fields('ble-1131').sort()).toEqual(['adv_cnt', 'sec_cnt', 'temp', 'vbatt']);
    expect(fields('ble-1133')).toEqual(['ranging_data', 'eid']);
    expect(fields('ble-0546')).toEqual(['button_2', 'button_3']);
  });

  it('puts the most specific frame first, wherever it stands, and the others behind it', () => {
    const tlm = '1116aafe20000c001c0000000668000038 10'.replace(' ', '');
    const bthome = '0616d2fc400161';
    const altbeacon = '1aff1801beac2f234454cf6d4a0fadf2f4911ba9ffa600010002c5';
    const ibeacon = '1aff4c000215426c7565436861726d426561636f6e730efe1355c5';
    const ruuvi = '11ff990403291a1ece1efc18f94202ca0b53';
    const decoded = decodeAdvertisement(bytes(`020106${tlm}${bthome}${altbeacon}${ibeacon}${ruuvi}`));
    expect([decoded?.format, ...(decoded?.also ?? []).map(({ format }) => format)]).toEqual([
      'ruuvi',
      'ibeacon',
      'altbeacon',
      'bthome',
      'eddystone-tlm',
    ]);
  });

  it('names both readings of a Ruuvi tag that speaks through a URL', () => {
    const tag = bytes('0201060303aafe1616aafe10ee037275752e76692f23416a7759414d4666');
    expect(decodeAdvertisement(tag)).toEqual({
      format: 'ruuvi',
      fields: { humidity: 30, temperature: 24, pressure: 99_503 },
      also: [{ format: 'eddystone-url', fields: { tx_power: -18, url: 'https://ruu.vi/#AjwYAMFf' } }],
    });
  });

  it('keeps two different BTHome structures of one advertisement apart', () => {
    expect(decodeAdvertisement(bytes('0716d2fc4002ca090716d2fc4003bf13'))).toEqual({
      format: 'bthome',
      fields: { temperature: 25.06 },
      also: [{ format: 'bthome', fields: { humidity: 50.55 } }],
    });
  });

  it('reports a structure once that an advertisement and its scan response both carry', () => {
    expect(decodeAdvertisement(bytes('0616d2fc400161020106 0616d2fc400161'.replace(' ', '')))).toEqual({
      format: 'bthome',
      fields: { battery: 97 },
    });
  });

  it('keeps what came whole before a structure that was cut off', () => {
    const whole = '0201060716d2fc4002ca090b09534242542d303032';
    expect(decodeAdvertisement(bytes(whole))?.fields).toEqual({ temperature: 25.06 });
    expect(decodeAdvertisement(bytes(whole).subarray(0, 13))?.fields).toEqual({ temperature: 25.06 });
    expect(decodeAdvertisement(bytes(whole).subarray(0, 10))).toBeNull();
  });
});

describe('what is known but not readable', () => {
  const sealed = '0201061216d2fc41a47266c95f730011223378237214';
  const from = { address: '54:48:E6:8F:80:A5', key: bytes('231d39c1d7cc1ab1aee224cd096db932') };
  const nothing = { format: 'bthome', fields: {} };

  it('gives no fields of a sealed frame without its key, with a wrong one, or from another address', () => {
    expect(decodeAdvertisement(bytes(sealed))).toEqual(nothing);
    expect(decodeAdvertisement(bytes(sealed), { address: from.address })).toEqual(nothing);
    expect(decodeAdvertisement(bytes(sealed), { key: from.key })).toEqual(nothing);
    expect(
      decodeAdvertisement(bytes(sealed), { ...from, key: bytes('814aac74c4f17b6c1581e1ab87816b99') }),
    ).toEqual(nothing);
    expect(decodeAdvertisement(bytes(sealed), { ...from, key: bytes('231d39c1d7cc1ab1') })).toEqual(nothing);
    expect(decodeAdvertisement(bytes(sealed), { ...from, address: 'a4:c1:38:8d:18:b2' })).toEqual(nothing);
    expect(decodeAdvertisement(bytes(sealed), { ...from, address: 'nowhere' })).toEqual(nothing);
    expect(decodeAdvertisement(bytes(sealed.replace(/14$/, '15')), from)).toEqual(nothing);
    expect(decodeAdvertisement(bytes(sealed), from)?.fields).toEqual({ temperature: 25.06, humidity: 50.55 });
  });

  it('gives no fields of another BTHome version, a frame without objects or an event that is none', () => {
    expect(decodeAdvertisement(bytes('0616d2fc200161'))).toEqual(nothing);
    expect(decodeAdvertisement(bytes('0416d2fc40'))).toEqual(nothing);
    expect(decodeAdvertisement(bytes('0616d2fc403a00'))).toEqual(nothing);
  });

  it('gives no fields of a Ruuvi frame where nothing is available', () => {
    const unavailable = '1bff9904058000ffffffff800080008000ffffffffffffffffffffff';
    expect(decodeAdvertisement(bytes(unavailable))).toEqual({ format: 'ruuvi', fields: {} });
  });
});

describe('any bytes at all', () => {
  function isSound(data: Uint8Array, one?: Case): void {
    const decoded = decodeAdvertisement(data, one && senderOf(one));
    for (const frame of decoded === null ? [] : [decoded, ...(decoded.also ?? [])]) {
      expect(FORMATS).toContain(frame.format);
      for (const [name, value] of Object.entries(frame.fields)) {
        expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
        expect(typeof value !== 'number' || Number.isFinite(value)).toBe(true);
      }
    }
  }

  it('gives null or a value for random bytes, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 255 }), (data) => isSound(data)),
      { numRuns: 3000 },
    );
  });

  it('gives null or a value for random content under a known head', () => {
    const heads = ['d2fc40', 'd2fc41', 'd2fc43', 'aafe00', 'aafe10', 'aafe20', 'aafe30'].map(
      (head) => `16${head}`,
    );
    const makers = [
      '9904',
      '990403',
      '990405',
      '990406',
      '9904e1',
      '9904c5',
      '4c000215',
      '1801beac',
      'ffff4149',
    ];
    const head = fc.constantFrom(...heads, ...makers.map((maker) => `ff${maker}`));
    fc.assert(
      fc.property(head, fc.uint8Array({ maxLength: 60 }), (start, rest) => {
        const body = [...bytes(start), ...rest];
        isSound(Uint8Array.from([body.length, ...body]));
      }),
      { numRuns: 5000 },
    );
  });

  it('gives null or a value for every cut of a real frame', () => {
    for (const one of [...cases, ...captures]) {
      const data = bytes(one.data);
      for (let length = 0; length < data.length; length += 1) isSound(data.subarray(0, length), one);
    }
  });

  it('gives null or a value for every real frame with one bit turned', () => {
    for (const one of [...cases, ...captures]) {
      for (let bit = 0; bit < one.data.length * 4; bit += 1) {
        const data = bytes(one.data);
        data[bit >> 3] = (data[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        isSound(data, one);
      }
    }
  });

  it('leaves the bytes as they were, in a Buffer too, whose slice is no copy', () => {
    for (const one of [...cases, ...captures]) {
      const data = Buffer.from(one.data, 'hex');
      decodeAdvertisement(data, senderOf(one));
      expect(data.toString('hex')).toBe(one.data.toLowerCase());
    }
  });
});
