/**
 * The one judge of every test about loss: it knows what devices were acknowledged, what the outbox holds,
 * what the profile store committed, and which removals were declared, and says what is broken. It shares no
 * code with the gateway: only the contract.
 */

/** A CloudEvent of the gateway, as JSON. */
export interface LedgerEvent {
  id: string;
  source: string;
  type: string;
  epoch?: unknown;
  sequence?: unknown;
  causationid?: unknown;
  data?: unknown;
}

export interface Book {
  /** `<device>/<boot>/<seq>` of each message of class A or B that was acknowledged and makes an event. */
  acknowledged: Iterable<string>;
  /** What the profile store committed, in the order of its commits. A second delivery is no second entry. */
  committed: readonly LedgerEvent[];
  /** What waits in the outbox still. */
  waiting?: readonly LedgerEvent[];
  /** Emptied by an erasure while they were on their way: not declared yet, since they may have arrived. */
  wiped?: readonly LedgerEvent[];
  /** Dead letters of the uplink, still set aside. */
  dead?: readonly LedgerEvent[];
  /** Ids of dead letters that were driven again: they come late and keep no lane. */
  redriven?: ReadonlySet<string>;
}

/** First and last, both included. */
type Range = readonly [from: number, to: number];

/** Live and backlog: an order is promised within each (contract, HTTP and MQTT). */
const LANES = 2;

/** What is broken, a sentence each; nothing where nothing is lost, doubled, undeclared or out of order. */
export function judge(book: Book): string[] {
  const held = [...book.committed, ...(book.waiting ?? []), ...(book.dead ?? [])];
  const declared = declaredRanges(held);
  return [
    ...lostMessages(book.acknowledged, held, declared),
    ...twiceCommitted(book.committed),
    ...doubledEffects(held),
    ...holes([...held, ...(book.wiped ?? [])], declared),
    ...outOfOrder(book.committed, book.redriven ?? new Set()),
  ];
}

/** Acknowledged ⊆ committed ∪ outbox ∪ declared: a gap names no cause, so what is declared counts by number. */
function lostMessages(
  acknowledged: Iterable<string>,
  held: readonly LedgerEvent[],
  declared: ReadonlyMap<string, readonly Range[]>,
): string[] {
  const causes = new Set(held.map(({ causationid }) => causationid));
  const missing = [...acknowledged].filter((cause) => !causes.has(cause));
  const gone = removedAndNotHeld(held, declared);
  if (missing.length <= gone) return [];
  const some = missing.slice(0, 5).join(', ');
  return [`${missing.length} acknowledged messages have no event, ${gone} are declared: ${some}`];
}

function removedAndNotHeld(
  held: readonly LedgerEvent[],
  declared: ReadonlyMap<string, readonly Range[]>,
): number {
  const sequences = sequencesOf(held);
  let gone = 0;
  for (const [epoch, ranges] of declared) {
    const present = sequences.get(epoch) ?? new Set();
    const removed = new Set(ranges.flatMap(([from, to]) => numbers(from, to)));
    gone += [...removed].filter((sequence) => !present.has(sequence)).length;
  }
  return gone;
}

/** (`source`, `id`) is the receiver's unique key: whoever commits it twice has two effects (P2). */
function twiceCommitted(committed: readonly LedgerEvent[]): string[] {
  const seen = new Map<string, string>();
  const broken: string[] = [];
  for (const event of committed) {
    const key = `${event.source} ${event.id}`;
    const text = canonical(event);
    const before = seen.get(key);
    if (before !== undefined) {
      broken.push(`${event.id} is committed twice${before === text ? '' : ', and with other content'}`);
    }
    seen.set(key, text);
  }
  return broken;
}

/** Two ids can still be one message told twice: the same cause, type and data. */
function doubledEffects(held: readonly LedgerEvent[]): string[] {
  const ids = new Map<string, Set<string>>();
  for (const event of held) {
    if (typeof event.causationid !== 'string') continue;
    const effect = `${event.source} ${event.causationid} ${event.type} ${canonical(event.data)}`;
    ids.set(effect, (ids.get(effect) ?? new Set()).add(event.id));
  }
  return [...ids].flatMap(([effect, { size }]) =>
    size > 1 ? [`one message has ${size} effects: ${effect}`] : [],
  );
}

/** Contiguous from 1 in each epoch; what is not there is declared (P5). */
function holes(held: readonly LedgerEvent[], declared: ReadonlyMap<string, readonly Range[]>): string[] {
  const broken: string[] = [];
  for (const [epoch, present] of sequencesOf(held)) {
    const gone = new Set((declared.get(epoch) ?? []).flatMap(([from, to]) => numbers(from, to)));
    const last = Math.max(0, ...present);
    const absent = numbers(1, last).filter((sequence) => !present.has(sequence) && !gone.has(sequence));
    if (absent.length > 0) broken.push(`${epoch}: ${absent.length} undeclared holes, from ${absent[0]}`);
  }
  return broken;
}

/** First arrivals of one device's events have to be so many ascending rows laid into each other, or fewer (P3). */
function outOfOrder(committed: readonly LedgerEvent[], redriven: ReadonlySet<string>): string[] {
  const lanesOf = new Map<string, number[]>();
  const broken: string[] = [];
  for (const { id, epoch, sequence, causationid } of committed) {
    if (typeof causationid !== 'string' || redriven.has(id)) continue;
    const device = `${epoch} ${causationid.split('/')[0]}`;
    const lanes = lanesOf.get(device) ?? [];
    lanesOf.set(device, lanes);
    const number = Number(sequence);
    // The fullest lane that it can follow: fewest lanes are needed so.
    const before = lanes.filter((last) => last < number);
    if (before.length > 0) lanes[lanes.indexOf(Math.max(...before))] = number;
    else if (lanes.length < LANES) lanes.push(number);
    else broken.push(`${id} of ${device} comes after later ones in both lanes`);
  }
  return broken;
}

function declaredRanges(held: readonly LedgerEvent[]): Map<string, Range[]> {
  const declared = new Map<string, Range[]>();
  for (const { type, data } of held) {
    const of = (data ?? {}) as Record<string, unknown>;
    const ranges = type === 'aisle.gateway.gap.v1' ? gapRanges(of) : unreadableRanges(type, of);
    if (ranges.length === 0) continue;
    const epoch = String(of.epoch);
    declared.set(epoch, [...(declared.get(epoch) ?? []), ...ranges]);
  }
  return declared;
}

function gapRanges({ from, to, ranges }: Record<string, unknown>): Range[] {
  if (!Array.isArray(ranges)) return [[Number(from), Number(to)]];
  return ranges.map((range: unknown[]): Range => [Number(range[0]), Number(range[1])]);
}

/** What a salvage could not read of the epoch before (P8). */
function unreadableRanges(type: string, { unreadable }: Record<string, unknown>): Range[] {
  if (type !== 'aisle.gateway.store.corrupt.v1' || !Array.isArray(unreadable)) return [];
  return unreadable.map((range: unknown[]): Range => [Number(range[0]), Number(range[1])]);
}

function sequencesOf(held: readonly LedgerEvent[]): Map<string, Set<number>> {
  const sequences = new Map<string, Set<number>>();
  for (const { epoch, sequence } of held) {
    if (typeof epoch !== 'string') continue;
    sequences.set(epoch, (sequences.get(epoch) ?? new Set()).add(Number(sequence)));
  }
  return sequences;
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

/** JSON with its keys in order: receivers may store it otherwise than it was sent. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
