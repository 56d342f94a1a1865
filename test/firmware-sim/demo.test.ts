import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ClosingLine } from '../../firmware-sim/demo/ledger.ts';
import type { Snapshot, Stranger, Withdrawal } from '../../firmware-sim/demo/show.ts';
import { within } from '../../firmware-sim/demo/waiting.ts';

/** Starts the demo as a visitor does; resolves when it has printed the address of its page. */
async function startDemo() {
  const args = ['--import', 'tsx', 'gateway/main.ts', 'demo', '--json', '--for', '240', '--seed', '11'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const printed: string[] = [];
  const said: string[] = [];
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  onTestFinished(async () => {
    // Asked a second time it ends at once, and its processes with it.
    for (let i = 0; i < 2; i += 1) child.kill('SIGTERM');
    await ended;
    const folder = /(\/\S*aisle-demo-\w+)/.exec(said.join('\n'))?.[1];
    if (folder) rmSync(folder, { recursive: true, force: true });
  });
  createInterface({ input: child.stdout }).on('line', (line) => printed.push(line));
  createInterface({ input: child.stderr }).on('line', (line) => said.push(line));
  const url = await within(30_000, () => /http:\/\/127\.0\.0\.1:\d+/.exec(said.join('\n'))?.[0]);
  if (url === undefined) throw new Error(`no page: ${said.join('\n')}`);
  const end = () => {
    child.kill('SIGINT');
    return ended;
  };
  return { url, printed, said, end };
}

function page(url: string) {
  const post = async <T>(path: string, body: object = {}): Promise<T> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return (await answer.json()) as T;
  };
  const state = async () => (await (await fetch(`${url}/api/state`)).json()) as Snapshot;
  /** Waits until the page shows it; throws with what it shows instead. */
  const shows = async (what: string, condition: (state: Snapshot) => boolean): Promise<Snapshot> => {
    const shown = await within(90_000, async () => {
      const now = await state();
      return condition(now) ? now : undefined;
    });
    if (!shown) throw new Error(`the page does not show ${what}: ${JSON.stringify(await state())}`);
    return shown;
  };
  return { post, shows };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the demo', () => {
  it('is sound although its line is cut, somebody withdraws meanwhile, and its gateway is killed', async () => {
    const { url, printed, said, end } = await startDemo();
    const { post, shows } = page(url);
    await shows('people, everybody connected', ({ people, messages, enrolled }) => {
      return people.length >= 2 && messages.acked > 100 && enrolled.count === enrolled.of;
    });

    await post('/api/cut');
    const cut = await shows('events that wait', ({ events }) => events.waiting >= 10);
    await shows('devices that are acknowledged all the same', ({ messages }) => {
      return messages.acked > cut.messages.acked;
    });
    const { ref, isGone, after } = await post<Withdrawal>('/api/withdraw');
    expect({ isGone, after }).toEqual({ isGone: true, after: 0 });
    await shows('one person less', ({ people, consenting }) => {
      return !consenting.includes(ref) && people.every((person) => person.ref !== ref);
    });

    const { pid } = await post<{ pid: number }>('/api/kill');
    await shows('the gateway away', ({ gateway }) => gateway === 'away');
    await shows('the gateway back', ({ gateway }) => gateway === 'running');
    await post('/api/mend');
    await shows('counters that are equal', ({ events: { stored, taken, received, waiting } }) => {
      return waiting === 0 && stored === taken && taken === received;
    });
    const stranger = await post<Stranger>('/api/who');
    expect(stranger).toMatchObject({ isFound: true, found: 0 });
    expect(said.some((line) => line.includes('grep'))).toBe(true);

    const code = await end();
    const line = JSON.parse(printed.at(-1) ?? '') as ClosingLine;
    expect(said.filter((text) => text.startsWith('not sound'))).toEqual([]);
    expect(line).toMatchObject({ duplicates: 0, lost: 0, unconsentedIdentifiersFound: 0 });
    expect(line.acked).toBe(line.sent);
    expect([line.forwarded, line.received]).toEqual([line.stored, line.stored]);
    expect(line.personalEvents).toBeGreaterThan(0);
    expect(code).toBe(0);
    expect(isAlive(pid)).toBe(false);
  }, 400_000);
});
