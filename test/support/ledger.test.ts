import { describe, expect, it } from 'vitest';
import { judge, type LedgerEvent } from './ledger.ts';

const SOURCE = 'urn:aisle:store:s1:gateway:g1';

function event(sequence: number, more: Partial<LedgerEvent> = {}): LedgerEvent {
  return {
    id: `e1-${sequence}`,
    source: SOURCE,
    type: 'aisle.button.pressed.v1',
    epoch: 'e1',
    sequence: String(sequence).padStart(20, '0'),
    causationid: `b1/boot/${sequence}`,
    data: { press: 'press' },
    ...more,
  };
}

function gap(sequence: number, data: Record<string, unknown>): LedgerEvent {
  const declared = { type: 'aisle.gateway.gap.v1', data: { epoch: 'e1', ...data } };
  return event(sequence, { ...declared, causationid: undefined });
}

describe('the ledger', () => {
  it('finds nothing in a sound book', () => {
    const acknowledged = ['b1/boot/1', 'b1/boot/2', 'b1/boot/3'];
    const book = { acknowledged, committed: [event(1), event(2)], waiting: [event(3)] };
    expect(judge(book)).toEqual([]);
  });

  it('finds an acknowledged message without an event', () => {
    const broken = judge({ acknowledged: ['b1/boot/1', 'b1/boot/9'], committed: [event(1)] });
    expect(broken).toEqual([expect.stringContaining('b1/boot/9')]);
  });

  it('takes a declared removal for what became of a message, and no more than were declared', () => {
    const committed = [event(1), gap(3, { from: 2, to: 2, count: 1 })];
    expect(judge({ acknowledged: ['b1/boot/1', 'b1/boot/2'], committed })).toEqual([]);
    const two = ['b1/boot/1', 'b1/boot/2', 'b1/boot/7'];
    expect(judge({ acknowledged: two, committed })).toHaveLength(1);
  });

  it('finds a hole that nobody declared', () => {
    expect(judge({ acknowledged: [], committed: [event(1), event(3)] })).toEqual([
      'e1: 1 undeclared holes, from 2',
    ]);
  });

  it('takes what a salvage could not read for declared', () => {
    const corrupt = event(1, {
      type: 'aisle.gateway.store.corrupt.v1',
      id: 'e2-1',
      epoch: 'e2',
      causationid: undefined,
      data: { epoch: 'e1', unreadable: [[2, 3]] },
    });
    expect(judge({ acknowledged: ['b1/boot/2'], committed: [event(1), event(4), corrupt] })).toEqual([]);
  });

  it('finds an event that was committed twice, and says where the content differs', () => {
    expect(judge({ acknowledged: [], committed: [event(1), event(1)] })).toEqual(['e1-1 is committed twice']);
    const other = event(1, { data: { press: 'double_press' } });
    expect(judge({ acknowledged: [], committed: [event(1), other] })).toEqual([
      'e1-1 is committed twice, and with other content',
    ]);
  });

  it('finds one message told under two ids', () => {
    const again = event(2, { causationid: 'b1/boot/1' });
    expect(judge({ acknowledged: [], committed: [event(1), again] })).toEqual([
      expect.stringContaining('one message has 2 effects'),
    ]);
  });

  it('lets two lanes lie in each other, and not three', () => {
    const live = [event(1), event(5), event(2), event(6), event(3), event(4)];
    expect(judge({ acknowledged: [], committed: live })).toEqual([]);
    const mixed = [event(3), event(2), event(1)];
    expect(judge({ acknowledged: [], committed: mixed })).toEqual([
      expect.stringContaining('comes after later ones'),
    ]);
    expect(judge({ acknowledged: [], committed: mixed, redriven: new Set(['e1-1']) })).toEqual([]);
  });
});
