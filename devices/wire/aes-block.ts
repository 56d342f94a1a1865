import { createCipheriv } from 'node:crypto';

/** Octets of an AES-128 key and of a block. */
export const BLOCK_LENGTH = 16;

/** AES-128 of one block: what ephemeral ids, rolling tokens and private addresses are made of. */
export function encryptBlock(key: Uint8Array, block: Uint8Array): Uint8Array {
  return blockCipher(key)(block);
}

/**
 * The same for many blocks under one key. The cipher is kept, as making one costs five times as much as
 * using it; in ECB one block leaves nothing behind for the next. A function shows no key (R13).
 */
export function blockCipher(key: Uint8Array): (block: Uint8Array) => Uint8Array {
  const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  return (block) => cipher.update(block);
}
