/**
 * Integers of 1 to 4 octets inside byte arrays. Readers take octets past the end as 0: whoever calls
 * has checked the length. Arithmetic instead of shifts, because `<<` is signed from bit 31 on.
 */

export function uintLE(data: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let i = offset + length - 1; i >= offset; i -= 1) value = value * 256 + (data[i] ?? 0);
  return value;
}

export function uintBE(data: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let i = offset; i < offset + length; i += 1) value = value * 256 + (data[i] ?? 0);
  return value;
}

export function intLE(data: Uint8Array, offset: number, length: number): number {
  return signed(uintLE(data, offset, length), length);
}

export function intBE(data: Uint8Array, offset: number, length: number): number {
  return signed(uintBE(data, offset, length), length);
}

/** Writes a whole number, a negative one as two's complement. Throws RangeError where it does not fit. */
export function putLE(data: Uint8Array, offset: number, length: number, value: number): void {
  let rest = wrapped(value, length);
  for (let i = offset; i < offset + length; i += 1) {
    data[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** As `putLE`, most significant octet first. */
export function putBE(data: Uint8Array, offset: number, length: number, value: number): void {
  let rest = wrapped(value, length);
  for (let i = offset + length - 1; i >= offset; i -= 1) {
    data[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

function signed(value: number, length: number): number {
  const range = 2 ** (8 * length);
  return value >= range / 2 ? value - range : value;
}

function wrapped(value: number, length: number): number {
  const range = 2 ** (8 * length);
  if (!Number.isInteger(value) || value < -range / 2 || value >= range) {
    throw new RangeError(`${value} is no whole number of ${length} octets`);
  }
  return value < 0 ? value + range : value;
}
