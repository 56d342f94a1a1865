import { createCipheriv, createDecipheriv } from 'node:crypto';
import { putLE, uintLE } from './integers.ts';

/**
 * BTHome v2's AES-128-CCM (bthome.io/encryption): a tag of 4 octets, nothing authenticated beside the
 * text, nonce = address | D2 FC | device information | counter. It keeps no count: a reader that acts on
 * a frame must refuse a counter that is not greater than the last, or a recording can be played back.
 */

const ALGORITHM = 'aes-128-ccm';
const KEY_LENGTH = 16;
const COUNTER_LENGTH = 4;
const MIC_LENGTH = 4;
const NONCE_LENGTH = 13;

export interface Sealing {
  /** The device information octet as it is sent. */
  info: number;
  /** Six octets, most significant first. */
  address: Uint8Array;
  /** 16 octets. */
  key: Uint8Array;
}

/** The plain objects and the counter; nothing where the frame was not sealed with this key and address. */
export function openBthome(
  sealed: Uint8Array,
  { info, address, key }: Sealing,
): { payload: Uint8Array; counter: number } | undefined {
  const textLength = sealed.length - COUNTER_LENGTH - MIC_LENGTH;
  if (textLength < 1 || key.length !== KEY_LENGTH) return undefined;
  const counter = uintLE(sealed, textLength, COUNTER_LENGTH);
  const cipher = createDecipheriv(ALGORITHM, key, nonce(info, address, counter), {
    authTagLength: MIC_LENGTH,
  });
  cipher.setAuthTag(sealed.subarray(textLength + COUNTER_LENGTH));
  try {
    const payload = cipher.update(sealed.subarray(0, textLength));
    cipher.final();
    return { payload, counter };
  } catch {
    // A wrong tag is how a frame says "not sealed with this key": no error of ours.
    return undefined;
  }
}

/** What follows the device information octet. `counter` is 32 bits and must grow with every frame. */
export function sealBthome(payload: Uint8Array, sealing: Sealing & { counter: number }): Uint8Array {
  const { info, address, key, counter } = sealing;
  const cipher = createCipheriv(ALGORITHM, key, nonce(info, address, counter), { authTagLength: MIC_LENGTH });
  const text = cipher.update(payload);
  cipher.final();
  const count = new Uint8Array(COUNTER_LENGTH);
  putLE(count, 0, COUNTER_LENGTH, counter);
  return Buffer.concat([text, count, cipher.getAuthTag()]);
}

function nonce(info: number, address: Uint8Array, counter: number): Uint8Array {
  const octets = new Uint8Array(NONCE_LENGTH);
  octets.set(address);
  octets.set([0xd2, 0xfc, info], 6);
  putLE(octets, 9, COUNTER_LENGTH, counter);
  return octets;
}
