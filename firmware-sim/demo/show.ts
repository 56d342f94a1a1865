import type { Identifier } from '../shop-floor/messages.ts';
import { grepCommands } from './grep.ts';
import { keptIn, searchKept } from './kept.ts';
import { octetsOf } from './privacy-search.ts';
import type { Shop, ShopListener } from './shop.ts';
import { within } from './waiting.ts';
import type { Happening } from './words.ts';

/** What a visitor sees at this moment. */
export interface Snapshot {
  phase: 'opening' | 'open' | 'closing';
  /** Devices that have their secret, while the shop opens. */
  enrolled: { count: number; of: number };
  gateway: 'starting' | 'running' | 'away';
  line: 'whole' | 'cut';
  /** Those who agreed and were heard lately; metres. */
  people: { ref: string; zone: string; x: number; y: number; quietS: number }[];
  /** Those who agreed and did not withdraw, here or not. */
  consenting: string[];
  /** Everybody else, rounded; null below ten or where nothing was counted yet. */
  everybody: number | null;
  /** The gateway's page with what happened over time; null while it is away. */
  charts: string | null;
  /** Stored is less declared removals. */
  events: { stored: number; taken: number; received: number; waiting: number; declared: number };
  presses: { acked: number; received: number };
  messages: { sent: number; acked: number };
}

export interface Withdrawal {
  ref: string;
  /** Events of this person that waited before and after; null where the gateway was away. */
  before: number | null;
  after: number | null;
  /** The gateway knows nothing of this person any more. */
  isGone: boolean;
}

export interface Stranger {
  /** False where nobody is in the shop but those who agreed. */
  isFound: boolean;
  searched: { files: number; octets: number };
  /** Places where something of them was kept. */
  found: number;
}

/** What the page shows and lets a visitor do. Each action is for when the shop is open, else it throws. */
export interface Show extends ShopListener {
  open(shop: Shop): void;
  close(): void;
  snapshot(): Snapshot;
  /** The last happenings, oldest first. */
  lately(): readonly Happening[];
  /** Calls back at each happening until the returned function is called. */
  follow(listener: (happening: Happening) => void): () => void;
  /** Of somebody who is here where nobody is named. */
  withdraw(ref?: string): Promise<Withdrawal>;
  cut(): void;
  mend(): void;
  /** Returns the process id that was killed. */
  kill(): number | undefined;
  who(): Promise<Stranger>;
  /** The line was cut at some time; commands over the folder were printed. */
  did(): { cut: boolean; printedCommands: boolean };
}

const KEPT_HAPPENINGS = 60;
/** Who was not heard for so long is not shown: out of the shop, or between two places. Seconds. */
const SHOWN_S = 15;
const WITHDRAWN_MS = 15_000;

/** `say` writes to the terminal. */
export function createShow(say: (text: string) => void, now: () => number): Show {
  const happenings: Happening[] = [];
  const listeners = new Set<(happening: Happening) => void>();
  let shop: Shop | undefined;
  let phase: Snapshot['phase'] = 'opening';
  let enrolled = { count: 0, of: 0 };
  let last: Snapshot['events'] = { stored: 0, taken: 0, received: 0, waiting: 0, declared: 0 };
  let lastPeople: Snapshot['people'] = [];
  let everybody: number | null = null;
  let wasCut = false;
  let printedCommands = false;

  function opened(): Shop {
    if (!shop || phase !== 'open') throw new Error('the shop is not open');
    return shop;
  }

  function snapshot(): Snapshot {
    const status = shop?.status();
    const counts = shop?.ledger.counts();
    if (status) {
      const { stored, declared, waiting, taken } = status.outbox;
      const kept = { stored: stored - declared, taken: Object.values(taken)[0] ?? 0, waiting, declared };
      last = { ...kept, received: 0 };
      lastPeople = status.people.flatMap(({ ref, zone, x, y, lastSeen }) => {
        const quietS = Math.max(0, Math.round((now() - lastSeen) / 1000));
        return x === undefined || y === undefined || quietS > SHOWN_S ? [] : [{ ref, zone, x, y, quietS }];
      });
      everybody = status.everybody;
    }
    const { sent, acked } = total(shop);
    return {
      phase,
      enrolled,
      gateway: status ? 'running' : shop ? 'away' : 'starting',
      line: shop?.line.isCut() ? 'cut' : 'whole',
      people: lastPeople,
      consenting: shop?.central.consenting() ?? [],
      everybody,
      charts: status && shop ? shop.view.page() : null,
      events: { ...last, received: counts?.received ?? 0 },
      presses: { acked: counts?.pressesAcked ?? 0, received: counts?.pressesReceived ?? 0 },
      messages: { sent, acked },
    };
  }

  async function withdraw(asked?: string): Promise<Withdrawal> {
    const { central, view } = opened();
    const here = lastPeople.map(({ ref }) => ref).filter((ref) => central.consenting().includes(ref));
    const choices = here.length > 0 ? here : central.consenting();
    const ref = asked ?? choices[Math.floor(Math.random() * choices.length)];
    if (ref === undefined) throw new Error('everybody who agreed has withdrawn');
    const before = await view.waitingOf(ref);
    await central.withdraw(ref);
    const isGone = await within(WITHDRAWN_MS, async () => {
      const [status, waiting] = [await view.status(), await view.waitingOf(ref)];
      const isKnown = status?.people.some((person) => person.ref === ref) ?? true;
      return !isKnown && waiting === 0 ? true : undefined;
    });
    const after = await view.waitingOf(ref);
    return { ref, before: before ?? null, after: after ?? null, isGone: isGone === true };
  }

  return {
    open(openedShop) {
      shop = openedShop;
      phase = 'open';
    },
    close() {
      phase = 'closing';
    },
    happened(happening) {
      happenings.push(happening);
      if (happenings.length > KEPT_HAPPENINGS) happenings.shift();
      for (const listener of listeners) listener(happening);
    },
    said: say,
    enrolled(count, of) {
      enrolled = { count, of };
    },
    snapshot,
    lately: () => happenings,
    follow(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    withdraw,
    cut() {
      wasCut = true;
      opened().line.cut();
      say('the line to the profile store is cut');
    },
    mend() {
      opened().line.mend();
      say('the line to the profile store is mended');
    },
    kill() {
      const { gateway } = opened();
      const pid = gateway.pid();
      if (pid !== undefined) say(`kill -9 ${pid}`);
      gateway.kill();
      return pid;
    },
    async who() {
      const open = opened();
      const that = await open.floor.who();
      const identifiers = that?.identifiers ?? [];
      if (identifiers.length === 0) return { isFound: false, searched: { files: 0, octets: 0 }, found: 0 };
      const findings = searchKept(
        open.folder,
        identifiers.map(({ hex }) => hex),
      );
      for (const text of tellWho(identifiers, keptIn(open.folder))) say(text);
      printedCommands = true;
      return { isFound: true, searched: octetsOf(keptIn(open.folder)), found: findings.length };
    },
    did: () => ({ cut: wasCut, printedCommands }),
  };
}

function total(shop: Shop | undefined): { sent: number; acked: number } {
  const floor = shop?.floor.counters();
  const receivers = shop?.receivers.counters();
  return {
    sent: (floor?.sent ?? 0) + (receivers?.sent ?? 0),
    acked: (floor?.acked ?? 0) + (receivers?.acked ?? 0),
  };
}

/** What the terminal tells of one stranger. */
function tellWho(identifiers: readonly Identifier[], where: readonly string[]): string[] {
  return [
    'Who was that? We do not know. Only the shop floor, which plays the strangers, can tell what they carry:',
    ...identifiers.map(({ kind, hex }) => `  ${kind.padEnd(12)} ${kind === 'address' ? colons(hex) : hex}`),
    'Look for it yourself; where nothing was kept, these print nothing:',
    ...grepCommands(identifiers, where).map((command) => `  ${command}`),
    'And this one finds somebody who agreed, so that you know that such a search would find:',
    `  grep -ralF p_1 ${where.join(' ')}`,
  ];
}

function colons(hex: string): string {
  return hex.replace(/..(?!$)/g, '$&:');
}
