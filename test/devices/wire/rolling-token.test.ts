import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../devices/wire/hex.ts';
import {
  readRollingToken,
  rollingToken,
  rollingTokenKey,
  tokenInterval,
  writeRollingToken,
} from '../../../devices/wire/rolling-token.ts';
import { bytes, readText } from './cases.ts';

const { exposureNotification: vector } = JSON.parse(readText('vectors.json'));
const exposureNotification = { info: 'EN-RPIK', prefix: 'EN-RPI' };

describe('rolling tokens', () => {
  it('are built as the published Exposure Notification identifiers are', () => {
    const key = rollingTokenKey(bytes(vector.tek), exposureNotification);
    expect(toHex(key)).toBe(vector.rpik);
    const tokens = [0, 1, 2].map((i) => toHex(rollingToken(key, vector.enin0 + i, exposureNotification)));
    expect(tokens).toEqual(vector.rpi);
  });

  it('are others than those under our own name', () => {
    const key = rollingTokenKey(bytes(vector.tek));
    expect(toHex(key)).not.toBe(vector.rpik);
    expect(toHex(rollingToken(key, vector.enin0))).not.toBe(vector.rpi[0]);
  });

  it('change every ten minutes', () => {
    expect(tokenInterval(1_585_785_600)).toBe(vector.enin0);
    expect(tokenInterval(1_585_785_600 + 599.9)).toBe(vector.enin0);
    expect(tokenInterval(1_585_785_600 + 600)).toBe(vector.enin0 + 1);
  });

  it('travel behind the mark 41 49 and are recognised by nothing less', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (token) => {
        expect(toHex(writeRollingToken(token))).toBe(`4149${toHex(token)}`);
        expect(readRollingToken(writeRollingToken(token))).toEqual(token);
      }),
    );
    for (const hex of [
      '',
      '4149',
      `4149${'00'.repeat(15)}`,
      `4149${'00'.repeat(17)}`,
      `4941${'00'.repeat(16)}`,
    ]) {
      expect(readRollingToken(bytes(hex))).toBeUndefined();
    }
    expect(() => writeRollingToken(new Uint8Array(15))).toThrow(/16 octets/);
  });
});
