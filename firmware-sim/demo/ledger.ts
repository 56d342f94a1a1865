/**
 * The demo's books: what devices sent and had acknowledged, what the profile store received, and what
 * becomes of it in the closing line. Pure; fed by whoever listens.
 */

/** An event as the profile store keeps it; what is not read here is left out. */
export interface ReceivedEvent {
  receivedAt: number;
  event: {
    source: string;
    id: string;
    type: string;
    epoch?: unknown;
    sequence?: unknown;
    causationid?: unknown;
    data?: unknown;
  };
}

/** `aisle status --json`, as far as it is read here. */
export interface OutboxCounts {
  epoch: string;
  /** Sequences given in this epoch. */
  stored: number;
  /** Removed before delivery and declared. */
  declared: number;
  waiting: number;
  taken: Record<string, number>;
}

/** The contract's closing line, in its order. Times in ms; null where nothing was timed. */
export interface ClosingLine {
  sent: number;
  acked: number;
  stored: number;
  forwarded: number;
  received: number;
  duplicates: number;
  lost: number;
  personalEvents: number;
  unconsentedIdentifiersFound: number;
  p50Ms: number | null;
  p99Ms: number | null;
}

export interface Ledger {
  /** A device's message went out for the first time, `at` in ms since the epoch. */
  sent(cause: string, at: number): void;
  acked(cause: string, name: string): void;
  /** Once for each event. */
  received(received: ReceivedEvent): void;
  counts(): { received: number; personal: number; pressesAcked: number; pressesReceived: number };
  /** Presses of radio buttons so far, by button: what each one's events must not exceed. */
  close(
    outbox: OutboxCounts,
    messages: { sent: number; acked: number },
    radioPresses: Readonly<Record<string, number>>,
    identifiersFound: number,
  ): ClosingLine;
}

/** First and last, both included. */
type Range = readonly [from: number, to: number];

interface Sequences {
  received: Set<number>;
  declared: Range[];
}

const TIMED = new Set(['aisle.button.pressed.v1', 'aisle.thermostat.changed.v1']);

export function createLedger(): Ledger {
  const sentAt = new Map<string, number>();
  const ackedPresses = new Set<string>();
  const epochs = new Map<string, Sequences>();
  /** Events by (type, cause), of messages that make at most one. */
  const effects = new Map<string, number>();
  const pressesOf = new Map<string, number>();
  const visits = doubledVisits();
  const waysMs: number[] = [];
  let received = 0;
  let personal = 0;

  function sequencesOf(epoch: string): Sequences {
    const known = epochs.get(epoch) ?? { received: new Set(), declared: [] };
    epochs.set(epoch, known);
    return known;
  }

  function note({ receivedAt, event }: ReceivedEvent): void {
    const { type, epoch, sequence, causationid } = event;
    const data = (event.data ?? {}) as Record<string, unknown>;
    received += 1;
    if (refOf(data) !== undefined) personal += 1;
    if (typeof epoch === 'string') sequencesOf(epoch).received.add(Number(sequence));
    if (type === 'aisle.gateway.gap.v1') sequencesOf(String(data.epoch)).declared.push(...rangesOf(data));
    if (type === 'aisle.button.pressed.v1') count(pressesOf, String(data.deviceId));
    visits.note(type, Number(sequence), data);
    if (!TIMED.has(type) || typeof causationid !== 'string') return;
    // A receiver's message can hold many presses; a device's own makes one event of a kind.
    if (!causationid.startsWith(`${data.deviceId}/`)) return;
    count(effects, `${type} ${causationid}`);
    const at = sentAt.get(causationid);
    if (at !== undefined) waysMs.push(receivedAt - at);
  }

  const pressArrived = (cause: string) => effects.has(`aisle.button.pressed.v1 ${cause}`);

  return {
    sent: (cause, at) => void sentAt.set(cause, at),
    acked(cause, name) {
      if (name === 'pressed') ackedPresses.add(cause);
    },
    received: note,
    counts: () => ({
      received,
      personal,
      pressesAcked: ackedPresses.size,
      pressesReceived: [...ackedPresses].filter(pressArrived).length,
    }),
    close(outbox, messages, radioPresses, identifiersFound) {
      const { lost, arrived, gone } = fates(epochs, outbox);
      const presses = [...ackedPresses].filter((cause) => !pressArrived(cause)).length;
      const ways = waysMs.toSorted((a, b) => a - b);
      return {
        sent: messages.sent,
        acked: messages.acked,
        stored: outbox.stored - outbox.declared,
        forwarded: Object.values(outbox.taken)[0] ?? 0,
        received: received - arrived,
        duplicates: doubled(effects) + tooMany(pressesOf, radioPresses) + visits.doubled(),
        // A press that was linked to somebody goes with them; a gap names no cause, so it counts by number.
        lost: lost + Math.max(0, presses - gone),
        personalEvents: personal,
        unconsentedIdentifiersFound: identifiersFound,
        p50Ms: percentile(ways, 0.5),
        p99Ms: percentile(ways, 0.99),
      };
    },
  };
}

/** What keeps a run from being sound (contract, "Command line"), a sentence each; nothing where it is sound. */
export function unsound(line: ClosingLine): string[] {
  const { sent, acked, stored, forwarded, received } = line;
  const rules: [isBroken: boolean, text: string][] = [
    [sent !== acked, `${sent} messages were sent, ${acked} acknowledged`],
    [stored !== forwarded, `${stored} events were stored, ${forwarded} taken by the uplink`],
    [stored !== received, `${stored} events were stored, ${received} received`],
    [line.duplicates !== 0, `${line.duplicates} effects are doubled`],
    [line.lost !== 0, `${line.lost} are lost`],
    [line.unconsentedIdentifiersFound !== 0, "a stranger's identifier was kept"],
    [line.personalEvents === 0, 'nobody who agreed was recognised'],
  ];
  return rules.flatMap(([isBroken, text]) => (isBroken ? [text] : []));
}

/** Nearest rank: the smallest value that so large a share does not exceed. `sorted` grows. */
export function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

/** What became of the sequences that were given. */
interface Fates {
  /** Neither came nor are declared as removed. */
  lost: number;
  /** Came, and are declared all the same: erased while they were on their way, and nobody could know. */
  arrived: number;
  /** Declared, and did not come. */
  gone: number;
}

function fates(epochs: ReadonlyMap<string, Sequences>, outbox: OutboxCounts): Fates {
  const all: Fates = { lost: 0, arrived: 0, gone: 0 };
  for (const [epoch, { received, declared }] of epochs) {
    // Of an epoch that is over, only what lies before its last event can be known.
    const last = epoch === outbox.epoch ? outbox.stored : Math.max(0, ...received);
    for (let sequence = 1; sequence <= last; sequence += 1) {
      const isDeclared = declared.some(([from, to]) => from <= sequence && sequence <= to);
      const isReceived = received.has(sequence);
      if (isDeclared) all[isReceived ? 'arrived' : 'gone'] += 1;
      else if (!isReceived) all.lost += 1;
    }
  }
  if (!epochs.has(outbox.epoch)) all.lost += outbox.stored - outbox.declared;
  return all;
}

function rangesOf({ from, to, ranges }: Record<string, unknown>): Range[] {
  if (!Array.isArray(ranges)) return [[Number(from), Number(to)]];
  return ranges.map((range: unknown[]) => [Number(range[0]), Number(range[1])]);
}

function refOf(data: Record<string, unknown>): string | undefined {
  const ref = (data.subject as { ref?: unknown } | undefined)?.ref;
  return typeof ref === 'string' ? ref : undefined;
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function doubled(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, n) => sum + n - 1, 0);
}

/** A radio button has no acknowledgement and no `seq` of its own: it can be told too often only in sum. */
function tooMany(told: ReadonlyMap<string, number>, pressed: Readonly<Record<string, number>>): number {
  return Object.entries(pressed).reduce((sum, [id, n]) => sum + Math.max(0, (told.get(id) ?? 0) - n), 0);
}

/** Visits of one person that began while another of theirs was open: a restart must not do that. */
function doubledVisits() {
  const ends = new Map<string, number>();
  const starts: { ref: string; visitId: string; sequence: number }[] = [];
  return {
    note(type: string, sequence: number, data: Record<string, unknown>): void {
      const visitId = String(data.visitId);
      const ref = refOf(data);
      if (type === 'aisle.visit.ended.v1') ends.set(visitId, sequence);
      if (type === 'aisle.visit.started.v1' && ref !== undefined) starts.push({ ref, visitId, sequence });
    },
    doubled(): number {
      const open = new Map<string, number>();
      let doubled = 0;
      for (const { ref, visitId, sequence } of starts.toSorted((a, b) => a.sequence - b.sequence)) {
        if (sequence < (open.get(ref) ?? 0)) doubled += 1;
        open.set(ref, ends.get(visitId) ?? Number.POSITIVE_INFINITY);
      }
      return doubled;
    },
  };
}
