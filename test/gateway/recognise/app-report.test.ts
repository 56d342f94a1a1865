import { describe, expect, it } from 'vitest';
import { appReport } from '../../../gateway/recognise/app-report.ts';

const HOUR = 3_600_000;
const DAY = Date.UTC(2026, 2, 2);
const owner = { recordId: 'c1', subjectRef: 'p1' };
const token = '00112233445566778899aabbccddeeff';
const seen = { kind: 'app' as const, token };

function table(key: { token?: string; day?: string } = {}) {
  const held = appReport.createTable();
  held.put(owner, { kind: 'app', token, ...key }, DAY);
  return held;
}

describe('an app’s token', () => {
  it('without a day is good at any time', () => {
    for (const at of [0, DAY, DAY + 1_000 * HOUR]) expect(table().find(seen, at)).toEqual([owner]);
  });

  it('of a day is good on that day (UTC) and two hours around it', () => {
    const held = table({ day: '2026-03-02' });
    const good = [-2 * HOUR - 1, -2 * HOUR, 0, 26 * HOUR - 1, 26 * HOUR].map(
      (after) => held.find(seen, DAY + after).length,
    );
    expect(good).toEqual([0, 1, 1, 1, 0]);
  });

  it('of a day that there is not is never good', () => {
    expect(table({ day: '2026-13-45' }).find(seen, DAY)).toEqual([]);
  });

  it('of two days in one record is good on both', () => {
    const held = table({ day: '2026-03-02' });
    held.put(owner, { kind: 'app', token, day: '2026-03-04' }, DAY);
    const good = [12, 36, 60].map((hours) => held.find(seen, DAY + hours * HOUR).length);
    expect(good).toEqual([1, 0, 1]);
  });

  it('of one day is not good on the day of another token of the same record', () => {
    const held = table({ day: '2026-03-02' });
    held.put(owner, { kind: 'app', token: 'ff'.repeat(16), day: '2026-03-04' }, DAY);
    expect(held.find(seen, DAY + 60 * HOUR)).toEqual([]);
  });

  it('unknown, or of a record that was removed, is a stranger’s', () => {
    const held = table();
    expect(held.find({ kind: 'app', token: 'ff'.repeat(16) }, DAY)).toEqual([]);
    held.remove('c1');
    expect(held.find(seen, DAY)).toEqual([]);
  });

  it('removed from one person is still the other’s', () => {
    const held = table();
    const other = { recordId: 'c2', subjectRef: 'p2' };
    held.put(other, { kind: 'app', token }, DAY);
    expect(held.find(seen, DAY)).toEqual([owner, other]);
    held.remove('c1');
    expect(held.find(seen, DAY)).toEqual([other]);
  });
});
