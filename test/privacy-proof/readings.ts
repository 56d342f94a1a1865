/**
 * Bytes as somebody could have meant them: as they are, and what hex, base64 and decimal text in them says.
 * Undoing the writing once finds every mark in it, however many there are, at whatever alignment.
 */

/** Takes `length` octets of `bytes`; `how` names the reading. */
export type Scan = (bytes: Uint8Array, length: number, how: string) => void;

/** A run that says less than this is not looked at: no mark fits in. */
const FEWEST_OCTETS = 6;
const OTHER = -1;
const SEPARATOR = -2;

const HEX = table((code, set) => {
  for (const [i, digit] of [...'0123456789abcdef'].entries()) set(code(digit), i);
  for (const [i, digit] of [...'ABCDEF'].entries()) set(code(digit), 10 + i);
  for (const between of ':- ') set(code(between), SEPARATOR);
});
const BASE64 = table((code, set) => {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  for (const [i, digit] of [...digits].entries()) set(code(digit), i);
  for (const digit of '+-') set(code(digit), 62);
  for (const digit of '/_') set(code(digit), 63);
});

export function readEveryWay(content: Uint8Array, scan: Scan): void {
  const scratch = new Uint8Array(content.length + 1);
  scan(content, content.length, 'as it is');
  readHex(content, scratch, scan);
  readBase64(content, scratch, scan);
  readDecimal(content, scratch, scan);
}

/** Pairs of digits, together or with one separator between them; from the first digit and from the second. */
function readHex(content: Uint8Array, scratch: Uint8Array, scan: Scan): void {
  const valueAt = (at: number) => HEX[content[at] as number] as number;
  for (let at = 0; at < content.length; at += 1) {
    if (valueAt(at) < 0) continue;
    let end = at;
    while (end < content.length) {
      const value = valueAt(end);
      if (value === OTHER || (value === SEPARATOR && !(end + 1 < content.length && valueAt(end + 1) >= 0)))
        break;
      end += 1;
    }
    if (end - at >= 2 * FEWEST_OCTETS) {
      for (const from of [at, at + 1]) scan(scratch, hexInto(scratch, valueAt, from, end), 'hex');
    }
    at = end;
  }
}

function hexInto(scratch: Uint8Array, valueAt: (at: number) => number, from: number, end: number): number {
  let length = 0;
  let high = -1;
  for (let at = from; at < end; at += 1) {
    const value = valueAt(at);
    if (value < 0) high = -1;
    else if (high < 0) high = value;
    else {
      scratch[length] = (high << 4) | value;
      length += 1;
      high = -1;
    }
  }
  return length;
}

/** Either alphabet; from each of the first four digits, since a mark begins anywhere in what was encoded. */
function readBase64(content: Uint8Array, scratch: Uint8Array, scan: Scan): void {
  const valueAt = (at: number) => BASE64[content[at] as number] as number;
  for (let at = 0; at < content.length; at += 1) {
    if (valueAt(at) < 0) continue;
    let end = at + 1;
    while (end < content.length && valueAt(end) >= 0) end += 1;
    for (let from = at; from < at + 4 && (end - from) * 6 >= FEWEST_OCTETS * 8; from += 1) {
      scan(scratch, base64Into(scratch, valueAt, from, end), 'base64');
    }
    at = end;
  }
}

function base64Into(scratch: Uint8Array, valueAt: (at: number) => number, from: number, end: number): number {
  let length = 0;
  let bits = 0;
  let held = 0;
  for (let at = from; at < end; at += 1) {
    held = ((held << 6) | valueAt(at)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    scratch[length] = (held >> bits) & 0xff;
    length += 1;
  }
  return length;
}

const ZERO = 0x30;
const COMMA = 0x2c;
const BLANKS = new Set([0x20, 0x0a]);

/** Numbers to 255 between commas: octets as JSON has them. */
function readDecimal(content: Uint8Array, scratch: Uint8Array, scan: Scan): void {
  let length = 0;
  let number = -1;
  const end = () => {
    if (length >= FEWEST_OCTETS) scan(scratch, length, 'decimal');
    length = 0;
  };
  const take = () => {
    if (number > 0xff) end();
    else if (number >= 0) {
      scratch[length] = number;
      length += 1;
    }
    number = -1;
  };
  for (let at = 0; at < content.length; at += 1) {
    const octet = content[at] as number;
    const digit = octet - ZERO;
    if (digit >= 0 && digit <= 9) number = Math.min(0xfff, Math.max(0, number) * 10 + digit);
    else if (octet === COMMA) take();
    else if (!BLANKS.has(octet)) {
      take();
      end();
    }
  }
  take();
  end();
}

function table(fill: (code: (text: string) => number, set: (at: number, value: number) => void) => void) {
  const values = new Int8Array(256).fill(OTHER);
  fill(
    (text) => text.charCodeAt(0),
    (at, value) => {
      values[at] = value;
    },
  );
  return values;
}
