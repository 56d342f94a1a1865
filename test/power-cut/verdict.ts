import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { pino } from 'pino';
import type { Config } from '../../gateway/config.ts';
import { openRoad, type Road } from '../../gateway/road.ts';
import { storedEvents } from '../../gateway/stored-events.ts';
import { judge, type LedgerEvent } from '../support/ledger.ts';
import { until } from '../support/until.ts';
import type { Image } from './steps.ts';

/** What has to be true after a cut. */
export interface Expected {
  /** Messages that were acknowledged before it, by their cause. */
  acknowledged: string[];
  /** Those that their devices may send once more: on their way at the cut, or acknowledged just before. */
  again: string[];
  /** What the profile store had committed by then. */
  committed: LedgerEvent[];
  /** Subjects whose erasure was answered before it. */
  erased: string[];
}

/** What a cut broke: nothing of each where all is well. */
export interface Verdict {
  /** Acknowledged messages without an event. */
  lost: string[];
  /** SQLite's own words, or the gateway's that does not start. */
  corrupt: string[];
  /** The ledger's, and of what has to be gone for good. */
  broken: string[];
}

/**
 * Lays the files down as the cut left them, has SQLite check them, and starts the gateway's road on them.
 * A damaged database is not started on: that would salvage it, which is another promise.
 */
export async function verdictOn(image: Image, expected: Expected, config: Config): Promise<Verdict> {
  try {
    layDown(image, config.data);
    const corrupt = integrityOf(join(config.data, 'aisle.db'));
    if (corrupt.length > 0) return { lost: [], corrupt, broken: [] };
    // What SQLite did for its check is undone: the start finds what the cut left.
    layDown(image, config.data);
    return { ...(await startedOn(config, expected)), corrupt };
  } finally {
    rmSync(config.data, { recursive: true, force: true });
  }
}

export function layDown(image: Image, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const [name, octets] of image) writeFileSync(join(folder, name), octets, { mode: 0o600 });
}

function integrityOf(file: string): string[] {
  let db: Database.Database | undefined;
  try {
    db = new Database(file);
    const rows = db.pragma('integrity_check') as { integrity_check: string }[];
    return rows.map((row) => row.integrity_check).filter((said) => said !== 'ok');
  } catch (error) {
    return [(error as Error).message];
  } finally {
    db?.close();
  }
}

async function startedOn(config: Config, expected: Expected): Promise<Omit<Verdict, 'corrupt'>> {
  const closers: (() => unknown)[] = [];
  try {
    return await judged(openRoad(config, { log: pino({ level: 'silent' }) }, closers), expected);
  } catch (error) {
    return { lost: expected.acknowledged, broken: [`no start: ${(error as Error).message}`] };
  } finally {
    for (const closer of closers.reverse()) await closer();
  }
}

async function judged(
  road: Road,
  { acknowledged, again, committed, erased }: Expected,
): Promise<Omit<Verdict, 'corrupt'>> {
  const waiting = () => [...storedEvents(road.db, road.sealed).since(0)] as unknown as LedgerEvent[];
  const found = waiting();
  const causes = new Set([...committed, ...found].map(({ causationid }) => causationid));
  const lost = acknowledged.filter((cause) => !causes.has(cause));
  const broken = judge({ acknowledged, committed, waiting: found });
  for (const ref of erased) if (road.outbox.waitingOf(ref) > 0) broken.push('an erased subject is back');
  await sendAgain(road, again);
  const after = waiting();
  broken.push(...judge({ acknowledged: again, committed, waiting: after }));
  const known = new Set([...committed, ...found].map(({ id }) => id));
  const given = after.slice(found.length).filter(({ id }) => known.has(id));
  for (const { id } of given) broken.push(`${id} is given a second time`);
  return { lost, broken };
}

/** Devices send what they think is not acknowledged, under the same numbers. */
async function sendAgain({ enter, now, commit }: Road, causes: readonly string[]): Promise<void> {
  let taken = 0;
  for (const cause of causes) {
    const [device = '', boot, seq] = cause.split('/');
    const payload = Buffer.from(JSON.stringify({ button: 1, press: 'press', boot, seq: Number(seq) }));
    const message = {
      kind: 'message',
      topic: `devices/${device}/pressed`,
      device,
      payload,
      at: now(),
    } as const;
    enter(
      message,
      () => {
        taken += 1;
      },
      () => {},
    );
  }
  await until(() => taken === causes.length || commit.failing(), 'what is sent again');
}
