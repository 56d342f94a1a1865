import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { syncFile, writeSynced } from '../synced-file.ts';
import type { Cause } from './boot-check.ts';

/*
 * A salvage is a row of steps, each of which can be done again; the plan says which is next, so that a
 * gateway that is killed in the middle goes on where it was.
 */

export interface Plan {
  cause: Cause;
  reason: string;
  /** ms since the epoch. */
  at: number;
  /** The name that the database is set aside under. */
  aside: string;
  /** Put the old one aside, build the new one, put it in its place, take out of the old one what names people. */
  step: 'aside' | 'build' | 'swap' | 'strip';
}

const FILE = 'aisle.salvage';

/** The salvage that is under way; nothing where none is. */
export function readPlan(folder: string): Plan | undefined {
  const file = join(folder, FILE);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Plan) : undefined;
}

/** The name appears only once the whole plan is on disk. @throws where the disk refuses. */
export function writePlan(folder: string, plan: Plan): Plan {
  const draft = join(folder, `${FILE}.part`);
  writeSynced(draft, JSON.stringify(plan));
  renameSync(draft, join(folder, FILE));
  syncFile(folder);
  return plan;
}

export function endPlan(folder: string): void {
  rmSync(join(folder, FILE), { force: true });
  syncFile(folder);
}

/** A plan for what is wrong, from its first step. */
export function planOf({ cause, reason }: { cause: Cause; reason: string }, at: number): Plan {
  const stamp = new Date(at).toISOString().replace(/[-:.]/g, '');
  return {
    cause,
    reason,
    at,
    aside: `aisle.db.${cause === 'restored' ? 'replaced' : 'corrupt'}-${stamp}`,
    step: 'aside',
  };
}
