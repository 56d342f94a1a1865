import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { supervisor } from '../../../firmware-sim/demo/supervise.ts';
import { until } from '../../support/until.ts';

function ready(stopMs?: number) {
  const folder = mkdtempSync(join(tmpdir(), 'supervise-'));
  const children = supervisor(stopMs);
  onTestFinished(async () => {
    await children.stopAll();
    rmSync(folder, { recursive: true, force: true });
  });
  return { children, logFile: join(folder, 'log') };
}

const script = (source: string) => ['--eval', source];
const FOR_EVER = 'setInterval(() => {}, 1000);';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a supervised process', () => {
  it('is started again when it is killed, under a new id', async () => {
    const { children, logFile } = ready();
    const pids: number[] = [];
    const ends: string[] = [];
    const running = children.start({
      ...{ name: 'gateway', args: script(FOR_EVER), logFile, restartAfterMs: 5 },
      onStart: (pid) => void pids.push(pid),
      onExit: (how) => void ends.push(how),
    });
    running.kill();
    await until(() => pids.length === 2, 'the second start');
    expect(ends).toEqual(['SIGKILL']);
    expect(running.pid()).toBe(pids[1]);
    await running.stop();
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it('is gone after stop, also where it does not listen to SIGTERM, and not reported', async () => {
    const { children, logFile } = ready(50);
    const lines: string[] = [];
    const ends: string[] = [];
    const running = children.start({
      ...{ name: 'deaf', logFile },
      args: script(`process.on('SIGTERM', () => console.log('not now')); console.log('up'); ${FOR_EVER}`),
      onLine: (line) => void lines.push(line),
      onExit: (how) => void ends.push(how),
    });
    await until(() => lines.includes('up'), 'its start');
    const pid = running.pid() ?? 0;
    await running.stop();
    expect(isAlive(pid)).toBe(false);
    expect(ends).toEqual([]);
  });

  it('ends where the process that started it is killed', async () => {
    const preload = new URL('../../../firmware-sim/demo/end-with-parent.ts', import.meta.url).href;
    const child = ['--import', 'tsx', '--import', preload, '--eval', `process.send('up'); ${FOR_EVER}`];
    const parent = spawn(process.execPath, [
      '--eval',
      `const { spawn } = require('node:child_process');
       const child = spawn(process.execPath, ${JSON.stringify(child)}, {
         detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
       child.once('message', () => console.log(child.pid));`,
    ]);
    const pid = await new Promise<number>((resolve) =>
      parent.stdout.once('data', (text) => resolve(Number(text))),
    );
    onTestFinished(() => {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    });
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await until(() => !isAlive(pid), 'the end of the child');
  });

  it('writes what it says to its log, and its messages come over a channel', async () => {
    const { children, logFile } = ready();
    const messages: unknown[] = [];
    const running = children.start({
      ...{ name: 'floor', logFile },
      args: script(`process.on('message', (m) => { console.log('heard'); process.send({ echo: m }); });`),
      onMessage: (message) => void messages.push(message),
    });
    running.send({ kind: 'open' });
    await until(() => messages.length === 1, 'the answer');
    await running.stop();
    expect(messages).toEqual([{ echo: { kind: 'open' } }]);
    expect(readFileSync(logFile, 'utf8')).toBe('heard\n');
  });
});
