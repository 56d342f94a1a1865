import { aisle } from './command.ts';
import { searchKept } from './kept.ts';
import { type ClosingLine, type OutboxCounts, unsound } from './ledger.ts';
import type { Finding } from './privacy-search.ts';
import type { Shop } from './shop.ts';
import { within } from './waiting.ts';

export interface Closing {
  line: ClosingLine;
  isSound: boolean;
  /** What is wrong, a sentence each; of strangers the kind of place only. */
  problems: string[];
}

const GATEWAY_BACK_MS = 30_000;
/** After a long cut the gateway waits up to a minute before it tries again. */
const DRAIN_MS = 30_000;
const DRAIN_AFTER_CUT_MS = 90_000;

/** Ends the day: devices stop, everything drains, is counted and searched, and the processes end. */
export async function closeShop(shop: Shop, wasCut: boolean): Promise<Closing> {
  const { floor, receivers, line, view, ledger, problems } = shop;
  try {
    line.mend();
    const isBack = await within(GATEWAY_BACK_MS, view.status);
    if (!isBack) problems.push('the gateway did not come back');
    await shop.quiet();
    if (!(await floor.close())) problems.push('the devices could not say their last');
    await receivers.stop();
    const counts = await drained(shop, wasCut ? DRAIN_AFTER_CUT_MS : DRAIN_MS);
    const search = () => searchKept(shop.folder, floor.strangers());
    const before = search();
    await shop.supervisor.stopAll();
    // Once more: what was only in memory would be written when they end.
    const findings = [...before, ...search()];
    problems.push(...inWords(findings));
    const ofFloor = floor.counters();
    const ofReceivers = receivers.counters();
    const messages = { sent: ofFloor.sent + ofReceivers.sent, acked: ofFloor.acked + ofReceivers.acked };
    const found = new Set(findings.map(({ identifier }) => identifier)).size;
    const closing = ledger.close(counts, messages, floor.radioPresses(), found);
    problems.push(...unsound(closing));
    return { line: closing, isSound: problems.length === 0, problems };
  } finally {
    await shop.central.close();
    await shop.supervisor.stopAll();
    await line.close();
    await shop.influx?.close();
  }
}

/** Waits until nothing waits, and counts at a moment at which nothing moves. */
async function drained(shop: Shop, ms: number): Promise<OutboxCounts> {
  const deadline = performance.now() + ms;
  const left = () => Math.max(0, deadline - performance.now());
  for (;;) {
    await within(left(), async () => ((await shop.view.status())?.outbox.waiting === 0 ? true : undefined));
    const counts = JSON.parse(
      await aisle('status', '--config', shop.folder.config, '--json'),
    ) as OutboxCounts;
    await shop.readEvents();
    const now = await shop.view.status();
    const isStill = counts.waiting === 0 && now?.outbox.stored === counts.stored;
    if (isStill || left() === 0) return counts;
  }
}

function inWords(findings: readonly Finding[]): string[] {
  return [
    ...new Set(findings.map(({ file, encoding }) => `a stranger's identifier (${encoding}) is in ${file}`)),
  ];
}
