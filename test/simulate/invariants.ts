import type { Road } from '../../gateway/road.ts';
import { judge, type LedgerEvent } from '../support/ledger.ts';
import type { Central } from './central.ts';
import type { Oracle } from './oracle.ts';
import type { Run } from './run.ts';
import type { World } from './world.ts';

/** All that is known of one uplink's events at the end. */
export interface Told {
  central: Central;
  /** By the name that settlement is kept under. */
  uplink: string;
  /** Configured all along: nothing was stored while it was not. */
  isWhole: boolean;
  /** Events that were overtaken, and keep no lane. */
  overtaken: ReadonlySet<string>;
}

interface Held {
  committed: readonly LedgerEvent[];
  waiting: LedgerEvent[];
  dead: LedgerEvent[];
}

/** What waits for an uplink, and what it refused for good, as far as it can be read still. */
function heldOf({ db, road }: Run, { central, uplink }: Told): Held {
  const read = (table: string, where: string) =>
    db
      .prepare<[string], { body: string; subject: Buffer | null; sealed: Buffer | null }>(
        `SELECT body, subject, sealed FROM ${table} ${where} ORDER BY position`,
      )
      .all(uplink)
      .flatMap((row) => (row.body === '' ? undefined : road.sealed.open(row)) ?? [])
      .map((body) => JSON.parse(body) as LedgerEvent);
  return {
    committed: central.committed,
    waiting: read('events JOIN pending USING (position)', 'WHERE uplink = ?'),
    dead: read('dead', 'WHERE uplink = ?'),
  };
}

/** Loss, doubling, holes and order: the one judge of every test (`test/support/ledger.ts`). */
function judgeAll(held: Held, told: Told, acknowledged: ReadonlySet<string>): string[] {
  const { isWhole, overtaken: redriven } = told;
  const broken = judge({ acknowledged: isWhole ? acknowledged : [], redriven, ...held });
  // What was stored while it was not configured was never owed to it.
  return broken.filter((one) => isWhole || !one.includes('undeclared holes'));
}

/** Behind the last that is held the judge sees no hole: what declares a removal comes after it (P5). */
export function lostAtTheEnd(held: Held, departed: readonly LedgerEvent[]): string[] {
  const last = lastOf([...held.committed, ...held.waiting, ...held.dead]);
  return [...lastOf(departed)]
    .filter(([epoch, sequence]) => sequence > (last.get(epoch) ?? 0))
    .map(([epoch, sequence]) => `${epoch}: ${sequence} left, and is neither held nor declared`);
}

function lastOf(events: readonly LedgerEvent[]): Map<string, number> {
  const last = new Map<string, number>();
  for (const { epoch, sequence } of events) {
    const key = String(epoch);
    last.set(key, Math.max(Number(sequence), last.get(key) ?? 0));
  }
  return last;
}

/** A visit begins once and ends once; only what is declared as gone may be missing of it. */
function visitsInPairs(all: readonly LedgerEvent[], undelivered: number): string[] {
  const [started, ended] = ['visit.started', 'visit.ended'].map((name) => timesOf(all, name, visitOf));
  const broken: string[] = [];
  for (const [visit, times] of [...(started ?? []), ...(ended ?? [])]) {
    if (times > 1) broken.push(`visit ${visit} begins or ends ${times} times`);
  }
  const single = [
    ...[...(started ?? new Map()).keys()].filter((visit) => !ended?.has(visit)),
    ...[...(ended ?? new Map()).keys()].filter((visit) => !started?.has(visit)),
  ];
  if (single.length > undelivered) {
    broken.push(
      `${single.length} visits without begin or end, ${undelivered} events are declared: ${single[0]}`,
    );
  }
  return broken;
}

function timesOf(
  all: readonly LedgerEvent[],
  name: string,
  of: (data: Record<string, unknown>) => string,
): Map<string, number> {
  const times = new Map<string, number>();
  for (const { type, data } of all) {
    if (type !== `aisle.${name}.v1`) continue;
    const key = of(data as Record<string, unknown>);
    times.set(key, (times.get(key) ?? 0) + 1);
  }
  return times;
}

const visitOf = ({ visitId }: Record<string, unknown>) => String(visitId);

/** Each command that was taken ends once, whatever came between. */
export function commandsOnce(all: readonly LedgerEvent[], taken: ReadonlySet<string>): string[] {
  const completed = timesOf(all, 'command.completed', ({ id }) => String(id));
  return [
    ...[...completed]
      .filter(([, times]) => times > 1)
      .map(([id, times]) => `command ${id} ended ${times} times`),
    ...[...taken].filter((id) => !completed.has(id)).map((id) => `command ${id} never ended`),
  ];
}

/** Presses of one device and boot are stored in the order in which it made them (P3). */
function pressesInOrder(all: readonly LedgerEvent[]): string[] {
  const last = new Map<string, number>();
  const broken: string[] = [];
  for (const { type, causationid } of [...all].sort(bySequence)) {
    if (type !== 'aisle.button.pressed.v1') continue;
    const [device, boot, seq] = String(causationid).split('/');
    const key = `${device}/${boot}`;
    if (Number(seq) < (last.get(key) ?? 0)) broken.push(`${causationid} is stored after ${last.get(key)}`);
    last.set(key, Number(seq));
  }
  return broken;
}

function bySequence(a: LedgerEvent, b: LedgerEvent): number {
  return String(a.epoch).localeCompare(String(b.epoch)) || Number(a.sequence) - Number(b.sequence);
}

/** Goods neither vanish nor appear: what was picked and put back is what the scale says is gone. */
export function goodsAddUp(all: readonly LedgerEvent[], unitsTaken: number): string[] {
  let sum = 0;
  for (const { type, data } of all) {
    const { shelfId, quantity } = data as { shelfId?: string; quantity?: number };
    if (shelfId !== 'shelf-2' || quantity === undefined) continue;
    if (type === 'aisle.shelf.item.picked.v1') sum += quantity;
    if (type === 'aisle.shelf.item.returned.v1') sum -= quantity;
  }
  return sum === unitsTaken ? [] : [`${unitsTaken} units left the shelf, events tell of ${sum}`];
}

export interface EndParts {
  run: Run;
  told: readonly Told[];
  /** What left the box once, taken or not: that it is declared where it is held no more is for the judge. */
  departed: readonly LedgerEvent[];
  acknowledged: ReadonlySet<string>;
  commands: ReadonlySet<string>;
  unitsTaken: number;
}

/** Everything that has to hold once the faults are over and nothing is under way. */
export function checkEnd(world: World, parts: EndParts): void {
  const { run, told } = parts;
  const { waiting } = run.road.outbox.counts();
  if (waiting > 0) world.broken(`${waiting} events wait still, with nothing in their way`);
  for (const one of told) {
    const held = heldOf(run, one);
    const all = distinct([...parts.departed, ...held.committed, ...held.waiting, ...held.dead]);
    const broken = [
      ...judgeAll(held, one, parts.acknowledged),
      ...pressesInOrder(all),
      ...(one.isWhole
        ? [
            ...lostAtTheEnd(held, parts.departed),
            ...visitsInPairs(all, declaredIn(all)),
            ...commandsOnce(all, parts.commands),
            ...goodsAddUp(all, parts.unitsTaken),
          ]
        : []),
    ];
    for (const what of broken) world.broken(`${one.central.name}: ${what}`);
  }
}

function distinct(events: readonly LedgerEvent[]): LedgerEvent[] {
  return [...new Map(events.map((event) => [event.id, event])).values()];
}

function declaredIn(all: readonly LedgerEvent[]): number {
  return all.reduce((sum, { type, data }) => {
    const count = (data as { count?: unknown }).count;
    return type === 'aisle.gateway.gap.v1' ? sum + Number(count) : sum;
  }, 0);
}

/** Of whoever withdrew nothing can be read in the box, not even by who holds its keys (P14). */
export function checkForgotten(world: World, { db, road }: Run, oracle: Oracle): void {
  const barred = oracle.barred();
  if (barred.length === 0) return;
  const legible = [...readable(db, road, 'events'), ...readable(db, road, 'dead')];
  for (const { ref, clearedBelow, isBarred } of barred) {
    for (const { position, text } of legible) {
      if (!text.includes(ref) || (!isBarred && position >= clearedBelow)) continue;
      world.broken(`position ${position} can still be read and names ${ref}, who withdrew`);
    }
    const kept = ['consent', 'visit'] as const;
    if (!isBarred) continue;
    for (const kind of kept) {
      for (const value of road.stored.get(kind).values()) {
        if (JSON.stringify(value).includes(ref)) world.broken(`a stored ${kind} names ${ref}, who withdrew`);
      }
    }
  }
}

function readable(db: Run['db'], road: Road, table: 'events' | 'dead'): { position: number; text: string }[] {
  const reason = table === 'dead' ? 'reason' : "''";
  return db
    .prepare<
      [],
      { position: number; body: string; subject: Buffer | null; sealed: Buffer | null; reason: string }
    >(`SELECT position, body, subject, sealed, ${reason} AS reason FROM ${table}`)
    .all()
    .map(({ reason: said, ...row }) => ({
      position: row.position,
      text: `${road.sealed.open(row) ?? ''} ${road.sealed.reveal(said, row.subject)}`,
    }));
}

/** Names and keys of people stand nowhere on the disk or in a log as they are, agreed or not (R1, R13). */
export function legibleIn(octets: Buffer, texts: readonly string[]): string[] {
  return texts.filter((text) => octets.includes(text));
}
