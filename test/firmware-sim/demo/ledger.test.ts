import { describe, expect, it } from 'vitest';
import {
  createLedger,
  type OutboxCounts,
  percentile,
  type ReceivedEvent,
  unsound,
} from '../../../firmware-sim/demo/ledger.ts';

const EPOCH = 'e0e0e0e0';

function event(sequence: number, name: string, data: object = {}, causationid?: string): ReceivedEvent {
  const padded = String(sequence).padStart(20, '0');
  return {
    receivedAt: 1_000 + sequence,
    event: {
      source: 's',
      id: `${EPOCH}-${padded}`,
      type: `aisle.${name}.v1`,
      epoch: EPOCH,
      sequence: padded,
      data,
      ...(causationid !== undefined && { causationid }),
    },
  };
}

const person = (sequence: number, name: string, visitId: string, ref = 'p_1') =>
  event(sequence, name, { visitId, subject: { ref } });
const press = (sequence: number, cause: string, deviceId = 'b1') =>
  event(sequence, 'button.pressed', { deviceId }, cause);

const outbox = (stored: number, more: Partial<OutboxCounts> = {}): OutboxCounts => ({
  epoch: EPOCH,
  stored,
  declared: 0,
  waiting: 0,
  taken: { 'http:x': stored - (more.declared ?? 0) },
  ...more,
});

function ledgerOf(...events: ReceivedEvent[]) {
  const ledger = createLedger();
  for (const one of events) ledger.received(one);
  return ledger;
}

const close = (ledger: ReturnType<typeof createLedger>, counts: OutboxCounts, radio = {}) =>
  ledger.close(counts, { sent: 9, acked: 9 }, radio, 0);

describe('the closing line', () => {
  it('has the fields of the contract in their order', () => {
    const line = close(ledgerOf(person(1, 'visit.started', 'v1')), outbox(1));
    expect(JSON.stringify(line)).toBe(
      '{"sent":9,"acked":9,"stored":1,"forwarded":1,"received":1,"duplicates":0,"lost":0,"personalEvents":1,"unconsentedIdentifiersFound":0,"p50Ms":null,"p99Ms":null}',
    );
    expect(unsound(line)).toEqual([]);
  });

  it('calls lost what was stored and neither came nor is declared', () => {
    const line = close(ledgerOf(person(1, 'visit.started', 'v1'), event(4, 'gateway.health')), outbox(5));
    expect(line.lost).toBe(3);
    expect(unsound(line)).not.toEqual([]);
  });

  it('does not count as received what a gap declares although it arrived: it was erased on its way', () => {
    const gap = event(3, 'gateway.gap', { epoch: EPOCH, from: 2, to: 2, count: 1, reason: 'erased' });
    const line = close(
      ledgerOf(person(1, 'visit.started', 'v1'), person(2, 'zone.entered', 'v1'), gap),
      outbox(3, { declared: 1 }),
    );
    expect(line).toMatchObject({ stored: 2, forwarded: 2, received: 2, lost: 0 });
    expect(unsound(line)).toEqual([]);
  });

  it('does not call lost a press that was linked to somebody and went with them', () => {
    const gap = event(2, 'gateway.gap', { epoch: EPOCH, from: 1, to: 1, count: 1, reason: 'erased' });
    const ledger = ledgerOf(gap);
    for (const cause of ['b1/x/1', 'b1/x/2']) ledger.acked(cause, 'pressed');
    expect(close(ledger, outbox(2, { declared: 1 })).lost).toBe(1);
  });

  it('does not call lost what a gap declares, as a whole or by ranges', () => {
    const whole = { epoch: EPOCH, from: 2, to: 4, count: 3, reason: 'erased' };
    expect(
      close(ledgerOf(event(1, 'x'), event(5, 'gateway.gap', whole)), outbox(5, { declared: 3 })),
    ).toMatchObject({ stored: 2, forwarded: 2, received: 2, lost: 0 });
    const parts = {
      epoch: EPOCH,
      from: 2,
      to: 5,
      count: 2,
      ranges: [
        [2, 2],
        [5, 5],
      ],
    };
    expect(
      close(ledgerOf(event(1, 'x'), event(6, 'gateway.gap', parts)), outbox(6, { declared: 2 })).lost,
    ).toBe(2);
  });

  it('calls lost everything where nothing came', () => {
    expect(close(createLedger(), outbox(7)).lost).toBe(7);
  });

  it('calls lost an acknowledged press without an event, and no press that was not acknowledged', () => {
    const ledger = ledgerOf(press(1, 'b1/k/1'));
    for (const cause of ['b1/k/1', 'b1/k/2']) ledger.acked(cause, 'pressed');
    ledger.acked('t1/k/1', 'thermostat');
    expect(ledger.counts()).toMatchObject({ pressesAcked: 2, pressesReceived: 1 });
    expect(close(ledger, outbox(1)).lost).toBe(1);
  });

  it('counts an effect that came twice under two ids', () => {
    expect(
      close(ledgerOf(press(1, 'b1/k/1'), press(2, 'b1/k/1'), press(3, 'b1/k/2')), outbox(3)).duplicates,
    ).toBe(1);
  });

  it('lets a receiver tell of many presses in one message, but not of more than there were', () => {
    const ledger = ledgerOf(press(1, 'r1/k/9', 'b3'), press(2, 'r1/k/9', 'b3'), press(3, 'r2/k/4', 'b3'));
    expect(close(ledger, outbox(3), { b3: 3 }).duplicates).toBe(0);
    expect(close(ledger, outbox(3), { b3: 2 }).duplicates).toBe(1);
  });

  it('counts a visit that began while another of the same person was open, in whatever order they came', () => {
    const apart = [
      person(3, 'visit.started', 'v2'),
      person(1, 'visit.started', 'v1'),
      person(2, 'visit.ended', 'v1'),
    ];
    expect(close(ledgerOf(...apart), outbox(3)).duplicates).toBe(0);
    const doubled = [person(1, 'visit.started', 'v1'), person(2, 'visit.started', 'v2')];
    expect(close(ledgerOf(...doubled), outbox(2)).duplicates).toBe(1);
    const two = [person(1, 'visit.started', 'v1'), person(2, 'visit.started', 'v2', 'p_2')];
    expect(close(ledgerOf(...two), outbox(2)).duplicates).toBe(0);
  });

  it('times the way from publish to commit by cause', () => {
    const ledger = createLedger();
    ledger.sent('b1/k/1', 991);
    ledger.sent('b1/k/2', 902);
    ledger.received(press(1, 'b1/k/1'));
    ledger.received(press(2, 'b1/k/2'));
    expect(close(ledger, outbox(2))).toMatchObject({ p50Ms: 10, p99Ms: 100 });
  });
});

describe('what is sound', () => {
  const good = close(ledgerOf(person(1, 'visit.started', 'v1')), outbox(1));
  it.each([
    ['a message without acknowledgement', { acked: 8 }],
    ['an event that did not go out', { forwarded: 0 }],
    ['an event that did not arrive', { received: 0 }],
    ['a doubled effect', { duplicates: 1 }],
    ['a loss', { lost: 1 }],
    ['a stranger in what was kept', { unconsentedIdentifiersFound: 1 }],
    ['a day without anybody', { personalEvents: 0 }],
  ])('is not %s', (_, wrong) => {
    expect(unsound({ ...good, ...wrong })).toHaveLength(1);
  });
});

describe('a percentile', () => {
  it('is the nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, i) => i + 1);
    expect([percentile(values, 0.5), percentile(values, 0.99), percentile([4], 0.5)]).toEqual([50, 99, 4]);
    expect(percentile([], 0.5)).toBeNull();
  });
});
