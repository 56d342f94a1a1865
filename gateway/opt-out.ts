import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isOptOutValues, MAX_OPT_OUTS, type OptOutList, optOutValue } from '../devices/opt-out.ts';
import { makeFolder } from './database.ts';
import type { StoreKey } from './store-key.ts';
import { writeSynced } from './synced-file.ts';

/*
 * R22: who does not want to be counted, kept in `<data>/opt-out.json` as 16 bits of a keyed hash for each
 * (`devices/opt-out.ts`). A file of its own: `aisle opt-out` writes it beside a running gateway, which looks
 * at it each second and tells its receivers. An address is turned into its 16 bits at once and is in no
 * file, no log and no error.
 */

const FILE = 'opt-out.json';

/** Under this key addresses become values; receivers are told it, so it is used for nothing else. */
export function optOutKey(storeKey: StoreKey): Buffer {
  return storeKey.derive('opt out');
}

/** The list as the running gateway holds it. */
export interface OptOuts {
  /** What receivers are told; nothing where nobody objected. */
  list(): OptOutList | undefined;
  /** Looks at the file again; true where the list changed. One that cannot be read changes nothing, and is said once. */
  reload(): boolean;
}

/**
 * Reads the list.
 * @throws with a sentence where the file is there and cannot be read: nobody is to be counted who objected.
 */
export function openOptOuts(folder: string, key: Buffer, warn: (text: string) => void): OptOuts {
  let text = readText(folder);
  let values = parse(folder, text);
  let problem: string | undefined;
  return {
    list: () => (values.length === 0 ? undefined : { key: key.toString('hex'), values }),
    reload() {
      try {
        const found = readText(folder);
        if (found === text) return false;
        values = parse(folder, found);
        text = found;
        problem = undefined;
        return true;
      } catch (error) {
        const { message } = error as Error;
        if (message !== problem) warn(message);
        problem = message;
        return false;
      }
    },
  };
}

/** How many values are listed. @throws with a sentence where the file cannot be read. */
export function countOptOuts(folder: string): number {
  return parse(folder, readText(folder)).length;
}

/**
 * Lists these addresses, in any spelling; all or none. Gives how many values the list has then: of two
 * addresses with one value it has one.
 * @throws with a sentence, which names no address, where one is none or the list would be too long.
 */
export function addOptOuts(folder: string, key: Buffer, addresses: readonly string[]): number {
  const added = addresses.map((address, i) => {
    const value = optOutValue(key, address);
    if (value !== undefined) return value;
    throw new Error(`opt-out: number ${i + 1} is not an address (aa:bb:cc:dd:ee:ff); nothing was listed`);
  });
  const values = [...new Set([...parse(folder, readText(folder)), ...added])].sort((a, b) => a - b);
  if (values.length > MAX_OPT_OUTS) {
    throw new Error(
      `opt-out: the list would have ${values.length} entries, of ${MAX_OPT_OUTS} that it may have; nothing was listed`,
    );
  }
  write(folder, values);
  return values.length;
}

/** Empties the list. */
export function clearOptOuts(folder: string): void {
  rmSync(join(folder, FILE), { force: true });
}

function readText(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`${join(folder, FILE)} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function parse(folder: string, text: string | undefined): number[] {
  const values = text === undefined ? [] : valuesOf(text);
  if (values) return values;
  throw new Error(
    `${join(folder, FILE)}: is not a list of objections; restore it from a backup, or  aisle opt-out clear  and list them again`,
  );
}

function valuesOf(text: string): number[] | undefined {
  try {
    const { values } = JSON.parse(text) as { values?: unknown };
    return isOptOutValues(values) ? values : undefined;
  } catch {
    return undefined;
  }
}

/** The name appears only once the whole list is on disk. Sorted, so that it tells no order of coming. */
function write(folder: string, values: readonly number[]): void {
  makeFolder(folder);
  const draft = join(folder, `${FILE}.${randomBytes(4).toString('hex')}`);
  writeSynced(draft, JSON.stringify({ values }), 'wx');
  renameSync(draft, join(folder, FILE));
}
