import { ADDRESS_LENGTH, parseAddress } from './address.ts';
import { BLOCK_LENGTH, blockCipher } from './aes-block.ts';

/**
 * Resolvable private addresses, Core Spec vol 6 B §1.3.2.2 and vol 3 H §2.2.2: `prand(3) | hash(3)`, the
 * hash made of prand under the device's identity resolving key (IRK), so that only who holds the key can
 * tell whose address it is.
 *
 * Everything here is most significant octet first, as addresses are printed. Linux, BlueZ and Zephyr hold
 * keys and addresses the other way round, and so are the base64 keys of Apple's keychain: see `orderIrk`.
 */

/** The two most significant bits of an address say its kind: 01 is resolvable. */
const KIND_BITS = 0xc0;
const RESOLVABLE = 0x40;
const PRAND_LENGTH = 3;

/** Whether a random address is resolvable at all: six octets, or text with colons. */
export function isResolvable(address: Uint8Array | string): boolean {
  const first = typeof address === 'string' ? Number.parseInt(address.slice(0, 2), 16) : (address[0] ?? 0);
  return (first & KIND_BITS) === RESOLVABLE;
}

/** The random address hash function: 3 octets of the IRK's 16 and prand's 3. */
export function ah(irk: Uint8Array, prand: Uint8Array): Uint8Array {
  return hashOf(blockCipher(irk), prand);
}

/** Whether an address (six octets) was made with this IRK; the cipher is kept, the function shows no key. */
export function addressResolver(irk: Uint8Array): (address: Uint8Array) => boolean {
  const encrypt = blockCipher(irk);
  return (address) => {
    if (address.length !== ADDRESS_LENGTH || !isResolvable(address)) return false;
    const hash = hashOf(encrypt, address.subarray(0, PRAND_LENGTH));
    return hash.every((octet, i) => octet === address[PRAND_LENGTH + i]);
  };
}

/** The address that a device with this IRK makes of 3 random octets; the kind's two bits are set here. */
export function privateAddress(irk: Uint8Array, random: Uint8Array): Uint8Array {
  const prand = Uint8Array.from(random.subarray(0, PRAND_LENGTH));
  prand[0] = ((prand[0] ?? 0) & ~KIND_BITS) | RESOLVABLE;
  return Uint8Array.of(...prand, ...ah(irk, prand));
}

/**
 * An IRK in whichever order it came, most significant octet first: the order under which it resolves an
 * address of its own device, as printed. Nothing where neither does.
 */
export function orderIrk(irk: Uint8Array, address: string): Uint8Array | undefined {
  const octets = parseAddress(address);
  return octets && [irk, irk.toReversed()].find((ordered) => addressResolver(ordered)(octets));
}

function hashOf(encrypt: (block: Uint8Array) => Uint8Array, prand: Uint8Array): Uint8Array {
  const block = new Uint8Array(BLOCK_LENGTH);
  block.set(prand, BLOCK_LENGTH - PRAND_LENGTH);
  return encrypt(block).subarray(BLOCK_LENGTH - PRAND_LENGTH);
}
