import { closeSync, openSync, writeSync } from 'node:fs';
import type { Config } from '../config.ts';
import { sealing } from '../road.ts';
import { storedEvents } from '../stored-events.ts';
import { withStoredDatabase } from './stored.ts';

/**
 * Waiting and refused events since a moment as CloudEvents, JSON lines; beside a running gateway too. Into
 * a file it goes readable for its owner alone, since personal events are opened. Gives how many there were.
 * @throws with a sentence where the time is none, the file is there already, or nothing is stored yet.
 */
export function exportEvents(
  config: Config,
  { since, out }: { since: string; out?: string },
  print: (line: string) => void,
): number {
  const from = timeOf(since);
  return withStoredDatabase(config, (db, storeKey) => {
    const events = storedEvents(db, sealing(db, storeKey()).sealed).since(from);
    return out === undefined ? writeEach(events, print) : intoFile(out, (line) => writeEach(events, line));
  });
}

function writeEach(events: Iterable<unknown>, line: (text: string) => void): number {
  let count = 0;
  for (const event of events) {
    line(JSON.stringify(event));
    count += 1;
  }
  return count;
}

function intoFile(file: string, write: (line: (text: string) => void) => number): number {
  const descriptor = openNew(file);
  try {
    return write((text) => void writeSync(descriptor, `${text}\n`));
  } finally {
    closeSync(descriptor);
  }
}

function openNew(file: string): number {
  try {
    return openSync(file, 'wx', 0o600);
  } catch (error) {
    throw new Error(`--out ${file}: ${(error as Error).message}`);
  }
}

function timeOf(text: string): number {
  const at = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isFinite(at)) throw new Error(`--since ${text}: is neither ISO 8601 nor milliseconds`);
  return at;
}
