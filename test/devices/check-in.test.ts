import { describe, expect, it } from 'vitest';
import { checkIn } from '../../devices/check-in.ts';
import { deviceByKind } from '../../devices/index.ts';
import { checkInReader } from '../../firmware-sim/firmware/check-in-reader.ts';

const { schema, read, class: kind } = checkIn.messages.scanned;

describe('a check-in reader', () => {
  it('is a kind of device that a configuration can name, and its scans are never dropped for others', () => {
    expect(deviceByKind.get('check-in')).toBe(checkIn);
    expect(kind).toBe('A');
  });

  it.each([
    [{ code: 'aisle:00' }, { kind: 'check-in', code: 'aisle:00' }],
    [
      { code: 'x', choice: 'grant' },
      { kind: 'check-in', code: 'x', choice: 'grant' },
    ],
    [
      { code: 'x', choice: 'withdraw', seq: 4 },
      { kind: 'check-in', code: 'x', choice: 'withdraw' },
    ],
  ])('says %j', (payload, reading) => {
    expect(read(schema.parse(payload) as never)).toEqual([reading]);
  });

  it.each([{}, { code: '' }, { code: 7 }, { code: 'x', choice: 'yes' }, { code: 'x'.repeat(4_097) }])(
    'is not understood where it says something else',
    (payload) => expect(schema.safeParse(payload).success).toBe(false),
  );
});

describe('the firmware of a reader', () => {
  it('tells a phone that lies on it once, and again when it comes back', () => {
    const sent: object[] = [];
    const reader = checkInReader({
      choice: 'withdraw',
      send: (name, fields) => sent.push({ name, ...fields }),
    });
    for (const at of [0, 1_000, 3_500, 6_000]) reader.show('a', at);
    expect(sent).toEqual([{ name: 'scanned', code: 'a', choice: 'withdraw' }]);
    reader.show('a', 9_001);
    reader.show('b', 9_100);
    expect(sent.map((one) => (one as { code: string }).code)).toEqual(['a', 'a', 'b']);
  });
});
