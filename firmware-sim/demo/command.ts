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

/** A device's secret, made by `aisle devices add`. */
export async function addDevice(config: string, device: string): Promise<string> {
  const { secret } = JSON.parse(await aisle('devices', 'add', device, '--config', config, '--json'));
  if (typeof secret !== 'string') throw new Error(`aisle devices add ${device} told no secret`);
  return secret;
}
