import { describe, expect, it } from 'vitest';
import { InfluxFailure, verdictOn } from '../../../../gateway/telemetry/influx/failure.ts';

/** Of ten points, what InfluxDB 1.6.7 said and what becomes of them. */
const conflict =
  'partial write: field type conflict: input field "f" on measurement "m" is type integer, already exists as type float';

describe('what becomes of points that were not taken', () => {
  it.each([
    ['a conflict of types', 400, `${conflict} dropped=3`, { kind: 'refused', points: 3 }],
    ['one that counts too many', 400, `${conflict} dropped=30`, { kind: 'refused', points: 10 }],
    [
      'points too old',
      400,
      'partial write: points beyond retention policy dropped=10',
      { kind: 'refused', points: 10 },
    ],
    [
      'a line that is none',
      400,
      "partial write: unable to parse 'm f=': missing field value dropped=0",
      { kind: 'halve' },
    ],
    ['too much at a time', 413, 'Request Entity Too Large', { kind: 'halve' }],
    [
      'a full disk',
      500,
      'engine: error writing WAL entry: write /x/_00001.wal: no space left on device',
      { kind: 'wait' },
    ],
    [
      'a full disk, as a partial write',
      400,
      'partial write: write /x/_series/06/0002: no space left on device dropped=1',
      { kind: 'wait' },
    ],
    ['a wrong password', 401, 'authorization failed', { kind: 'wait' }],
    ['no right', 403, '"g" user is not authorized to write to database "d"', { kind: 'wait' }],
    ['no database', 404, 'database not found: "d"', { kind: 'wait' }],
    ['no policy', 500, 'retention policy not found: raw', { kind: 'wait' }],
    ['a time-out of its own', 500, 'timeout', { kind: 'wait' }],
    ['too many at once', 503, 'write buffer full', { kind: 'wait' }],
    ['somebody else, who says 400', undefined, 'A 400 Bad Request error occurred: <html>', { kind: 'wait' }],
    ['nobody', undefined, 'connect ECONNREFUSED 127.0.0.1:8086', { kind: 'wait' }],
  ] as const)('%s', (_, status, said, verdict) => {
    expect(verdictOn(new InfluxFailure(said, status), 10)).toEqual(verdict);
  });

  it('one point that is refused by itself is refused for good', () => {
    const tooLarge = new InfluxFailure('Request Entity Too Large', 413);
    expect(verdictOn(tooLarge, 1)).toEqual({ kind: 'refused', points: 1 });
  });

  it('a sentence is of bounded length, whatever a server says', () => {
    expect(new InfluxFailure('x'.repeat(100_000), 500).message.length).toBeLessThan(400);
  });
});
