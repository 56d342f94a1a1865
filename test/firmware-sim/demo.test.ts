import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ClosingLine } from '../../firmware-sim/demo/ledger.ts';
import type { Snapshot, Stranger, Withdrawal } from '../../firmware-sim/demo/show.ts';
import { within } from '../../firmware-sim/demo/waiting.ts';
import { compiled } from '../support/compiled.ts';
import { hasInflux } from '../support/influxd.ts';
import { hasDbus } from '../support/mock-bluez.ts';

/** By hand: `AISLE_DEMO_RADIO=bluez` for a shop whose box hears by BlueZ. */
const RADIO = process.env.AISLE_DEMO_RADIO ?? 'noble';

/** Starts the demo as a visitor does; resolves when it has printed the address of its page. */
async function startDemo() {
  const args = [compiled('gateway/main'), 'demo', '--json', '--for', '360', '--seed', '11'];
  args.push('--radio', RADIO, ...(hasInflux ? ['--influx'] : []));
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const printed: string[] = [];
  const said: string[] = [];
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  onTestFinished(async () => {
    // Asked a second time it ends at once, and its processes with it.
    for (let i = 0; i < 2; i += 1) child.kill('SIGTERM');
    await ended;
    const folder = folderOf(said);
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
  /** Waits until the page tells it, in words. */
  const tells = async (what: RegExp): Promise<void> => {
    const told = new AbortController();
    const live = await fetch(`${url}/api/live`, {
      signal: AbortSignal.any([told.signal, AbortSignal.timeout(200_000)]),
    });
    let text = '';
    for await (const chunk of live.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (what.test(text)) break;
    }
    told.abort();
    if (!what.test(text)) throw new Error(`the page does not tell ${what}`);
  };
  return { post, shows, tells };
}

/** What Debian's client says to a query, with the command that the demo printed: a line of CSV for each row. */
function influx(said: readonly string[], query: string): string[] {
  const printed = said.find((line) => line.startsWith('InfluxDB: '))?.slice('InfluxDB: '.length);
  const command = `${printed} -format csv -execute '${query}'`;
  const rows = execFileSync('bash', ['-c', command], { encoding: 'utf8', timeout: 20_000 }).split('\n');
  return rows.filter((row) => row !== '' && !row.startsWith('name,'));
}

/** Of `SELECT last(<field>) … GROUP BY <tag>`: by tag, the value. */
function lastBy(said: readonly string[], measurement: string, field: string, tag: string) {
  const rows = influx(said, `SELECT last("${field}") FROM "${measurement}" GROUP BY "${tag}"`);
  return new Map(
    rows.map((row) => row.split(',')).map(([, tags = '', , value]) => [tags.split('=')[1], Number(value)]),
  );
}

interface Turn {
  device: string;
  at: number;
  setpointC: number;
}

/** Each setpoint that the profile store heard of, oldest first, by its own door. */
async function turnsHeard(said: readonly string[]): Promise<Turn[]> {
  const folder = folderOf(said);
  const url = /url: (http:\S+)/.exec(readFileSync(`${folder}/aisle.yaml`, 'utf8'))?.[1];
  const authorization = `Bearer ${readFileSync(`${folder}/keys/profile-store.token`, 'utf8')}`;
  const turns: Turn[] = [];
  for (let after = 0, isLast = false; !isLast; ) {
    const answer = await fetch(`${url}/events?after=${after}&limit=500`, { headers: { authorization } });
    const { events, next } = (await answer.json()) as {
      events: { event: { type: string; time: string; data: { deviceId: string; setpointC: number } } }[];
      next: number;
    };
    for (const { event } of events) {
      if (event.type !== 'aisle.thermostat.changed.v1') continue;
      const { deviceId: device, setpointC } = event.data;
      turns.push({ device, at: Date.parse(event.time), setpointC });
    }
    after = next;
    isLast = events.length === 0;
  }
  return turns.sort((a, b) => a.at - b.at);
}

function folderOf(said: readonly string[]): string | undefined {
  return /(\/\S*aisle-demo-\w+)/.exec(said.join('\n'))?.[1];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Samples of ten seconds, at their start. */
function setpointsKept(said: readonly string[]): Turn[] {
  const rows = influx(said, 'SELECT setpoint_celsius FROM thermostat GROUP BY device');
  return rows.map((row) => {
    const [, tags = '', at, value] = row.split(',');
    return { device: String(tags.split('=')[1]), at: Date.parse(String(at)), setpointC: Number(value) };
  });
}

async function shown<T>(read: () => readonly T[], least: number): Promise<readonly T[]> {
  await within(90_000, () => read().length >= least || undefined);
  return read();
}

/** Every documented measurement but people in a zone, whom the gateway tells each five minutes alone. */
async function keepsWhatDevicesSent(said: readonly string[]): Promise<void> {
  // A window of ten seconds, what it waits for stragglers, and the batch.
  const { length: thermostats } = await shown(
    () => [...new Set(setpointsKept(said).map(({ device }) => device))],
    3,
  );
  expect(thermostats).toBeGreaterThanOrEqual(3);
  const turns = await turnsHeard(said);
  for (const { device, at, setpointC } of setpointsKept(said)) {
    const last = turns.findLast((turn) => turn.device === device && turn.at < at + 10_000);
    expect({ device, at, setpointC }).toEqual({ device, at, setpointC: last?.setpointC });
  }
  for (const celsius of lastBy(said, 'climate', 'temperature_celsius', 'device').values()) {
    expect(celsius).toBeGreaterThan(10);
    expect(celsius).toBeLessThan(35);
  }
  const shelves = await shown(() => [...lastBy(said, 'shelf', 'units', 'device').keys()].sort(), 6);
  expect(shelves).toEqual([1, 2, 3, 4, 5, 6].map((n) => `shelf-${n}`));
  expect(new Set(lastBy(said, 'device', 'online', 'device').values())).toEqual(new Set([1]));
  // A shopper has to come by a button that speaks over the air.
  const strengths = await shown(() => [...lastBy(said, 'signal', 'rssi_dbm', 'device').keys()], 1);
  expect(strengths.length).toBeGreaterThan(0);
  expect(strengths.every((device) => /^(button|thermostat)-\d$/.test(String(device)))).toBe(true);
  const [stored] = lastBy(said, 'gateway', 'outbox_events', 'store');
  expect(stored?.[0]).toBe('demo');
}

describe('the demo', () => {
  it('is sound although its line is cut, somebody withdraws meanwhile, and its gateway is killed', async () => {
    const { url, printed, said, end } = await startDemo();
    const { post, shows, tells } = page(url);
    // Over GATT, from the profile store to the thermostat's firmware and back.
    const turned = hasDbus ? tells(/thermostat-4 set to [\d.]+ °C, from afar/) : undefined;
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
    await turned;
    const stranger = await post<Stranger>('/api/who');
    expect(stranger).toMatchObject({ isFound: true, found: 0 });
    expect(said.some((line) => line.includes('grep'))).toBe(true);

    if (hasInflux) await keepsWhatDevicesSent(said);
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
