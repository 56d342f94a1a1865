import { execFile } from 'node:child_process';
import { program } from './programs.ts';

const DEADLINE_MS = 60_000;

/** Runs an `aisle` command to its end and returns what it printed. Throws with its own words where it fails. */
export function aisle(...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const all = [...program('gateway/main'), ...args];
    execFile(process.execPath, all, { timeout: DEADLINE_MS }, (error, stdout, stderr) => {
      if (error) reject(new Error(`aisle ${args.slice(0, 2).join(' ')}: ${stderr.trim() || error.message}`));
      else resolve(stdout);
    });
  });
}

/** How many devices `aisle devices add` takes in one call. */
export const DEVICES_AT_ONCE = 1;

/** Secrets by device, made by `aisle devices add`, which tells one a line. */
export async function addDevices(config: string, devices: readonly string[]): Promise<Map<string, string>> {
  const told = await aisle('devices', 'add', ...devices, '--config', config, '--json');
  const lines = told.trim().split('\n');
  return new Map(
    lines.map((line) => {
      const { id, secret } = JSON.parse(line) as { id: string; secret: string };
      return [id, secret];
    }),
  );
}
