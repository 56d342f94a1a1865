import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../../../devices/wire/address.ts';
import { blockCipher, encryptBlock } from '../../../devices/wire/aes-block.ts';
import { toHex } from '../../../devices/wire/hex.ts';
import {
  addressResolver,
  ah,
  isResolvable,
  orderIrk,
  privateAddress,
} from '../../../devices/wire/private-address.ts';
import { bytes, readText } from './cases.ts';

/** Core Spec vol 3 H, D.7, in both orders; the sources stand in the file. */
const { rpa } = JSON.parse(readText('vectors.json'));
const irk = bytes(rpa.irk);
const resolves = (address: string) => addressResolver(irk)(parseAddress(address) ?? new Uint8Array());
const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 });
const three = fc.uint8Array({ minLength: 3, maxLength: 3 });

describe('a resolvable private address', () => {
  it.each(rpa.ah as { prand: string; hash: string; e_full: string }[])(
    'has the published hash $hash for $prand',
    ({ prand, hash, e_full: encrypted }) => {
      expect(toHex(ah(irk, bytes(prand)))).toBe(hash);
      expect(toHex(encryptBlock(irk, bytes(prand.padStart(32, '0'))))).toBe(encrypted);
    },
  );

  it.each(rpa.resolves as string[])('%s resolves', (address) => {
    expect(resolves(address)).toBe(true);
  });

  it.each(rpa.rejects as string[])('%s does not', (address) => {
    expect(resolves(address)).toBe(false);
  });

  it('is known by its two upper bits alone: 01', () => {
    for (const first of ['40', '7f', '5a']) expect(isResolvable(`${first}:00:00:00:00:00`)).toBe(true);
    for (const first of ['3f', '80', 'c0', 'ff', '00', '', 'zz']) expect(isResolvable(first)).toBe(false);
    expect(isResolvable(Uint8Array.of(0x40, 0, 0, 0, 0, 0))).toBe(true);
    expect(isResolvable(new Uint8Array())).toBe(false);
  });

  it('of another kind never resolves, nor a text of another length', () => {
    expect(resolves('c0:81:94:0d:fb:aa')).toBe(false);
    expect(addressResolver(irk)(bytes('7081940dfb'))).toBe(false);
    expect(addressResolver(irk)(bytes('7081940dfbaa00'))).toBe(false);
  });

  it('resolves under its own key, again and again, and under another’s as good as never', () => {
    fc.assert(
      fc.property(sixteen, sixteen, three, (own, other, random) => {
        const address = privateAddress(own, random);
        expect(isResolvable(address)).toBe(true);
        const resolve = addressResolver(own);
        expect([resolve(address), resolve(address)]).toEqual([true, true]);
        if (toHex(own) !== toHex(other)) expect(addressResolver(other)(address)).toBe(false);
      }),
      // With 24 bits some pair of keys would meet one day.
      { seed: 7 },
    );
  });

  it('tells in which order its key came: as printed, or as controllers hold it', () => {
    const [address = ''] = rpa.resolves as string[];
    expect(toHex(orderIrk(irk, address) ?? new Uint8Array())).toBe(rpa.irk);
    expect(toHex(orderIrk(bytes(rpa.littleEndian.irk), address) ?? new Uint8Array())).toBe(rpa.irk);
    expect(orderIrk(new Uint8Array(16), address)).toBeUndefined();
    expect(orderIrk(irk, 'no address')).toBeUndefined();
    const { r, hash } = rpa.littleEndian;
    expect(toHex(bytes(r + hash))).toBe(
      toHex(bytes(rpa.ah[0].prand).toReversed()) + toHex(bytes(rpa.ah[0].hash).toReversed()),
    );
  });

  it('is printed most significant octet first', () => {
    expect(formatAddress(privateAddress(irk, bytes('708194')))).toBe('70:81:94:0d:fb:aa');
  });
});

it('R13: what holds a cipher shows no key', () => {
  for (const holder of [addressResolver(irk), blockCipher(irk)]) {
    const shown = `${holder} ${JSON.stringify({ holder })} ${inspect(holder, { depth: 9, showHidden: true })}`;
    for (const form of [rpa.irk, Buffer.from(irk).toString('base64'), [...irk].join(', ')]) {
      expect(shown).not.toContain(form);
    }
  }
});
