import { spawn } from 'node:child_process';
import { program } from './programs.ts';

const DEADLINE_MS = 60_000;

/**
 * Runs an `aisle` command to its end and returns what it printed. Throws with its own words where it fails.
 * In a process group of its own: Ctrl-C in the terminal is the demo's alone.
 */
export function aisle(...args: string[]): Promise<string> {
  const all = [...program('gateway/main'), ...args];
  const stdio = ['ignore', 'pipe', 'pipe', 'ipc'] as const;
  const child = spawn(process.execPath, all, { detached: true, stdio: [...stdio], timeout: DEADLINE_MS });
  let told = '';
  let complained = '';
  child.stdout?.on('data', (chunk) => {
    told += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    complained += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(told);
      else reject(new Error(`aisle ${args.slice(0, 2).join(' ')}: ${complained.trim() || signal || code}`));
    });
  });
}

/** How many devices `aisle devices add` takes in one call. */
export const DEVICES_AT_ONCE = 8;

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
