import { spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { until } from '../../../support/until.ts';

/**
 * Debian's `sqlite3` holds a database as no other may, readers neither, until the function that comes back is
 * called, or the test ends (https://sqlite.org/pragma.html#pragma_locking_mode).
 */
export async function foreignLock(file: string): Promise<() => Promise<void>> {
  const holder = spawn('sqlite3', [file], { stdio: ['pipe', 'pipe', 'pipe'] });
  const gone = new Promise<void>((resolve) => holder.on('exit', () => resolve()));
  const letGo = async () => {
    holder.kill('SIGKILL');
    await gone;
  };
  onTestFinished(letGo);
  let said = '';
  for (const out of [holder.stdout, holder.stderr]) out.on('data', (chunk) => (said += chunk));
  holder.stdin.write(`PRAGMA locking_mode = EXCLUSIVE;
    BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held(by TEXT); SELECT 'it is held';\n`);
  await until(() => said.includes('it is held') || holder.exitCode !== null, 'sqlite3 to hold it');
  if (!said.includes('it is held')) throw new Error(`sqlite3: ${said}`);
  return letGo;
}
