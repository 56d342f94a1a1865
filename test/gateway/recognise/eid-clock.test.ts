import { describe, expect, it } from 'vitest';
import { ephemeralId } from '../../../devices/wire/eid.ts';
import { toHex } from '../../../devices/wire/hex.ts';
import { eid } from '../../../gateway/recognise/eid.ts';
import type { KeyTable } from '../../../gateway/recognise/recogniser.ts';
import { secretOf } from './ways.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 86_400 * SECOND;
const SLOT = 1_024;
const START = Date.UTC(2026, 2, 2);
const owner = { recordId: 'c1', subjectRef: 'p1' };
const key = { kind: 'eid' as const, identityKey: secretOf(1), exponent: 10, offset: -1_700_000_000 };

/** A tag whose clock is `ahead` seconds ahead of where it was registered. */
function shown(at: number, ahead: number) {
  const seconds = Math.floor(at / 1000) + key.offset + ahead;
  return {
    kind: 'eid' as const,
    eid: toHex(ephemeralId(Buffer.from(key.identityKey, 'hex'), 10, seconds)),
  };
}

function held(offset?: number): KeyTable {
  const table = eid.createTable();
  table.put(owner, key, START, offset);
  return table;
}

/** Seen, and if recognised learnt from, as `identify` does. */
function see(table: KeyTable, at: number, ahead: number) {
  const seen = shown(at, ahead);
  const isFound = table.find(seen, at).length > 0;
  return { isFound, learnt: isFound ? (table.learn?.(seen, at, ['c1']) ?? []) : [] };
}

/** A visit of half an hour, heard each ten seconds, time passing. */
function visit(table: KeyTable, from: number, aheadAt: (at: number) => number) {
  const seen = [];
  for (let at = from; at < from + 30 * MINUTE; at += 10 * SECOND) {
    table.roll(at);
    seen.push(see(table, at, aheadAt(at)));
  }
  return seen;
}

describe('a tag whose clock drifts', () => {
  it.each([150, -150])('by %d ppm and is seen monthly is recognised through two years', (ppm) => {
    const table = held();
    const ahead = (at: number) => Math.trunc(((at - START) / 1000) * (ppm / 1e6));
    const found = [];
    for (let month = 1; month <= 24; month++) {
      found.push(...visit(table, START + month * 30 * DAY, ahead).map(({ isFound }) => isFound));
    }
    expect(found.filter((isFound) => !isFound)).toEqual([]);
  });

  it('is lost without learning: two slots off it is nobody’s', () => {
    const table = held();
    table.roll(START + MINUTE);
    for (const slots of [-2, 2]) expect(table.find(shown(START, slots * SLOT), START)).toEqual([]);
  });

  it('tells what it learnt, so that another table begins with it', () => {
    const table = held();
    const learnt = visit(table, START, () => 900).flatMap((seen) => seen.learnt);
    const last = learnt.at(-1);
    expect(last).toMatchObject({ recordId: 'c1', key });
    expect(Math.abs((last?.offset ?? 0) - (key.offset + 900))).toBeLessThanOrEqual(SLOT / 8);
    const again = held(last?.offset);
    expect(again.find(shown(START, 900 + SLOT), START)).toEqual([owner]);
    expect(held().find(shown(START, 900 + SLOT), START + 30 * MINUTE)).toEqual([]);
  });

  it('is worth a write only where its clock moved an eighth of a slot', () => {
    const learnt = visit(held(), START, () => 60).flatMap((seen) => seen.learnt);
    expect(learnt).toEqual([]);
    expect(visit(held(), START, () => 900).flatMap((seen) => seen.learnt).length).toBeLessThanOrEqual(8);
  });

  it('is led astray by old ids that somebody sends again no further than one slot a day', () => {
    const table = held();
    for (let at = START; at < START + 12 * 3_600 * SECOND; at += 30 * SECOND) {
      table.roll(at);
      // Always the oldest id that is still taken.
      for (let slots = 30; slots > 0; slots--) {
        if (see(table, at, -slots * SLOT).isFound) break;
      }
    }
    const end = START + 12 * 3_600 * SECOND;
    table.roll(end);
    expect(table.find(shown(end, 0), end)).toEqual([owner]);
  });
});

describe('a tag that comes back after a battery change', () => {
  /** Ticks through `count` seconds. */
  function ticks(table: KeyTable, from: number, count: number): number {
    for (let i = 1; i <= count; i++) table.roll(from + i * SECOND);
    return from + count * SECOND;
  }

  it.each([-84, -40, -3, 3, 84])('%d slots off is found again once it was not seen for a day', (slots) => {
    const table = held();
    const back = ticks(table, START + DAY + 20 * MINUTE, 30);
    expect(see(table, back, slots * SLOT)).toMatchObject({
      isFound: true,
      learnt: [{ recordId: 'c1', key }],
    });
    const found = visit(table, back, () => slots * SLOT).map(({ isFound }) => isFound);
    expect(found).not.toContain(false);
    expect(table.find(shown(back, 0), back)).toEqual([]);
  });

  it('is not looked for before: of a tag that was seen today only the slots around are taken', () => {
    const table = held();
    const at = ticks(table, START + DAY - 30 * MINUTE, 60);
    expect(table.find(shown(at, -40 * SLOT), at)).toEqual([]);
    see(table, at, 0);
    const next = ticks(table, START + DAY + 20 * MINUTE, 60);
    expect(table.find(shown(next, -40 * SLOT), next)).toEqual([]);
  });

  it('further off than ninety slots is nobody’s', () => {
    const table = held();
    const at = ticks(table, START + DAY + 20 * MINUTE, 60);
    expect(table.find(shown(at, -88 * SLOT), at)).toEqual([owner]);
    for (const slots of [-95, 95]) expect(table.find(shown(at, slots * SLOT), at)).toEqual([]);
  });

  it('R6: leaves nothing of its wide window once the record is removed', () => {
    const table = held();
    const at = ticks(table, START + DAY + 20 * MINUTE, 60);
    expect(table.size()).toBeGreaterThan(180);
    table.remove('c1');
    expect(table.size()).toBe(0);
    expect(table.find(shown(at, -40 * SLOT), at)).toEqual([]);
  });

  it('a thousand at most are looked for at once, a few ids a tick, the others in turn', () => {
    const table = eid.createTable();
    for (let n = 1; n <= 1_200; n++) {
      const other = { ...key, identityKey: secretOf(n) };
      table.put({ recordId: `c${n}`, subjectRef: `p${n}` }, other, START);
    }
    const bare = table.size();
    const from = START + DAY + 20 * MINUTE;
    let before = bare;
    let most = 0;
    for (let i = 1; i <= 1_000; i++) {
      table.roll(from + i * SECOND);
      const size = table.size();
      // The queue of those who wait comes at once, and is a name for each.
      if (i > 5) most = Math.max(most, size - before);
      before = size;
    }
    expect(most).toBeLessThanOrEqual(300);
    expect(before - bare).toBeLessThan(1_000 * 181 + 4_000);
    expect(before - bare).toBeGreaterThan(1_000 * 170);
  });
});

it('a table with more keys than one tick can move is right again after the next ones', () => {
  const table = eid.createTable();
  const tags = Array.from({ length: 3_000 }, (_, n) => ({ ...key, identityKey: secretOf(n) }));
  for (const [n, tag] of tags.entries()) {
    table.put({ recordId: `c${n}`, subjectRef: `p${n}` }, tag, START);
  }
  const later = START + 10 * SLOT * SECOND;
  const found = () =>
    tags.filter((tag) => {
      const seconds = Math.floor(later / 1000) + key.offset;
      const id = toHex(ephemeralId(Buffer.from(tag.identityKey, 'hex'), 10, seconds));
      return table.find({ kind: 'eid', eid: id }, later).length === 1;
    }).length;
  const counts = [];
  for (let i = 0; i < 12; i++) {
    table.roll(later);
    counts.push(found());
  }
  expect(counts[0]).toBeLessThan(400);
  expect(counts.at(-1)).toBe(3_000);
});
