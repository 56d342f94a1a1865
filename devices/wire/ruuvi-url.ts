import {
  type Field,
  number,
  type RuuviReading,
  readFields,
  signAndMagnitude,
  writeFields,
} from './ruuvi-fields.ts';

/**
 * Ruuvi's data formats 2 and 4: a reading as base64url in an Eddystone-URL, `https://ruu.vi/#BFwaAMjlQ`
 * (docs.ruuvi.com/communication/bluetooth-advertisements/data-format-4-url).
 */

const SITE = 'ruu.vi/#';
/** Octets before the site in service data 0xFEAA: frame type, power, scheme. */
const SITE_AT = 3;
const FRAME_TYPE_URL = 0x10;
/** Eight characters are six octets; format 4 adds one character, all that fits of a seventh octet. */
const CHARACTERS = { 2: 8, 4: 9 } as const;
const LENGTH = 6;
const BASE64URL = /^[\w-]{8,9}$/;

const FIELDS: readonly Field[] = [
  number('humidity', 1, 1, { per: 2 }),
  signAndMagnitude('temperature', 2),
  number('pressure', 4, 2, { from: 50_000 }),
];

/** Reads service data 0xFEAA; nothing where it is no URL with a reading. */
export function readRuuviUrl(data: Uint8Array): RuuviReading | undefined {
  if (data[0] !== FRAME_TYPE_URL || !startsWithSite(data)) return undefined;
  const text = Buffer.from(data.subarray(SITE_AT + SITE.length)).toString('latin1');
  if (!BASE64URL.test(text)) return undefined;
  const payload = Buffer.from(text.slice(0, 8), 'base64url');
  const format = payload[0];
  if (format !== 2 && format !== 4) return undefined;
  const tagId = format === 4 ? text.slice(8) : '';
  return { ...readFields(payload, FIELDS), ...(tagId === '' ? {} : { tag_id: tagId }) };
}

/** The URL that a tag in format 2 or 4 advertises. */
export function writeRuuviUrl(reading: RuuviReading & { data_format: 2 | 4 }): string {
  const payload = new Uint8Array(LENGTH);
  writeFields(payload, reading, FIELDS);
  const text =
    Buffer.from(payload).toString('base64url') + (reading.data_format === 4 ? (reading.tag_id ?? 'A') : '');
  if (text.length !== CHARACTERS[reading.data_format] || !BASE64URL.test(text)) {
    throw new RangeError(`a Ruuvi tag id is one base64url character, not "${reading.tag_id}"`);
  }
  return `https://${SITE}${text}`;
}

function startsWithSite(data: Uint8Array): boolean {
  for (let i = 0; i < SITE.length; i += 1) {
    if (data[SITE_AT + i] !== SITE.charCodeAt(i)) return false;
  }
  return true;
}
