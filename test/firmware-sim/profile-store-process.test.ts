import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { JWK } from 'jose';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../firmware-sim/profile-store/database.ts';
import type { Waiting } from '../../firmware-sim/profile-store/downlink.ts';
import type { StoredEvent } from '../../firmware-sim/profile-store/store.ts';
import { compiled } from '../support/compiled.ts';
import { client, press, TOKEN, temporaryFolder } from './profile-store-client.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

function start(
  ...options: string[]
): ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream } {
  const entry = [compiled('firmware-sim/profile-store'), ...options];
  const child = spawn(process.execPath, entry, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

/** A folder for one store and its starts. */
async function household() {
  const folder = await temporaryFolder();
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, `${TOKEN}\n`);
  const keyFile = join(folder, 'issuer.jwk');
  const options = ['--data', join(folder, 'data'), '--token-file', tokenFile];
  return {
    folder,
    keyFile,
    options,
    async run(...more: string[]) {
      const child = start(...options, '--listen', '127.0.0.1:0', ...more);
      const lines = createInterface({ input: child.stdout });
      const [line] = (await once(lines, 'line')) as [string];
      return { child, ...client((JSON.parse(line) as { listening: string }).listening) };
    },
  };
}

it('has every event it answered for after kill -9', async () => {
  const { run } = await household();
  const answered: string[] = [];
  for (let round = 0; round < 3; round++) {
    const { child, send } = await run();
    for (let n = 1; n <= 5; n++) {
      const { status, body } = await send([press(round * 10 + n), press(round * 10 + n + 5)]);
      expect(status).toBe(200);
      answered.push(...body.accepted);
    }
    child.kill('SIGKILL');
    await ended(child);
  }
  const { get } = await run();
  const { body } = await get<{ events: StoredEvent[] }>('/events?limit=1000');
  expect(body.events.map(({ event }) => event.id)).toEqual(answered);
});

it('asks the disk for every commit', async () => {
  const db = openDatabase(await temporaryFolder(), 'abcd');
  // Answers of SQLite: 2 is FULL.
  expect(db.pragma('synchronous', { simple: true })).toBe(2);
  expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
  db.close();
});

it('keeps messages for the gateway, and their cursors, over kill -9', async () => {
  const { run, keyFile } = await household();
  const made = start('--new-issuer-key', keyFile);
  expect((JSON.parse(await text(made.stdout)) as JWK).crv).toBe('Ed25519');
  const first = await run('--issuer-key', keyFile);
  const payload = { id: 'c1' };
  const { body: sent } = await first.post<{ cursor: string }>('/downlink', { kind: 'command', payload });
  await first.post('/downlink', { kind: 'command', payload: { id: 'c2' } });
  first.child.kill('SIGKILL');
  await ended(first.child);
  const { get } = await run();
  expect((await get<Waiting>('/downlink')).body.messages).toHaveLength(2);
  expect((await get<Waiting>(`/downlink?after=${sent.cursor}`)).body.messages).toHaveLength(1);
});

it('ends cleanly on SIGTERM while a long poll is held', async () => {
  const { run } = await household();
  const { child, get } = await run();
  const held = get<Waiting>('/downlink');
  await get('/stats');
  child.kill('SIGTERM');
  expect((await held).status).toBe(200);
  expect(await ended(child)).toBe(0);
});

it('says what is missing or wrong and ends with 2 for use, 1 for a failed start', async () => {
  const { folder, options } = await household();
  const outcome = async (...given: string[]) => {
    const child = start(...given);
    const [error, code] = await Promise.all([text(child.stderr), ended(child)]);
    return [code, error.split('\n')[0]];
  };
  await writeFile(join(folder, 'empty'), '\n');
  const [unused, unknown, empty, noKey] = await Promise.all([
    outcome(),
    outcome('--colour', 'red'),
    outcome('--data', folder, '--token-file', join(folder, 'empty')),
    outcome(...options, '--issuer-key', join(folder, 'nothing')),
  ]);
  expect(unused).toEqual([2, 'profile-store: --data and --token-file are needed']);
  expect(unknown?.[0]).toBe(2);
  expect(empty?.[1]).toContain('is empty: put a random token there');
  expect(noKey).toEqual([1, expect.stringContaining('no such file')]);
});
