import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { openHistory } from '../../../../gateway/telemetry/history/history.ts';
import { openKeeper } from '../../../../gateway/telemetry/history/keeper.ts';
import { createNumbering } from '../../../../gateway/telemetry/history/numbering.ts';
import type { Point } from '../../../../gateway/telemetry/point.ts';
import { wholeQuery } from '../../../../gateway/telemetry/series-query.ts';

/* What the history costs: node --import tsx test/gateway/telemetry/history/measure.ts [series] [days] */

const [series = 200, days = 31] = process.argv.slice(2).map(Number);
const WINDOW = 10_000;
const DAY = 86_400_000;
const END = Date.UTC(2026, 10, 22);
const folder = mkdtempSync(join(tmpdir(), 'aisle-measure-'));
const print = (text: string) => process.stdout.write(`${text}\n`);

const samplesAt = (at: number): Point[] =>
  Array.from({ length: series }, (_, n) => ({
    measurement: 'climate',
    tags: { device: `device-${n}`, zone: `zone-${n % 8}` },
    fields: { temperature_celsius: 20 + Math.sin(at / 3e6 + n) },
    at,
  }));

async function takeOnTheLoop(): Promise<void> {
  const history = openHistory({ file: join(folder, 'take.db'), days, log: pino({ level: 'silent' }) });
  history.take(samplesAt(0));
  await history.query({
    measurement: 'climate',
    field: 'temperature_celsius',
    from: 0,
    to: WINDOW,
    stepS: 10,
  });
  const costs: number[] = [];
  for (let n = 1; n <= 300; n += 1) {
    const samples = samplesAt(n * WINDOW);
    const begin = performance.now();
    history.take(samples);
    costs.push(performance.now() - begin);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  costs.sort((a, b) => a - b);
  const at = (share: number) => ((costs[Math.floor(costs.length * share)] ?? 0) * 1000) / series;
  print(
    `take(): ${at(0.5).toFixed(2)} µs a sample (p99 ${at(0.99).toFixed(2)}), ${series} samples a call, ${history.state().dropped} dropped`,
  );
  await history.close();
}

function month(): void {
  const file = join(folder, 'history.db');
  const keeper = openKeeper({ file, days, keepFree: 0, maxBytes: 512 * 1024 * 1024 }, print);
  const number = createNumbering();
  let longest = 0;
  const begin = performance.now();
  let n = 0;
  for (let at = END - (days + 1) * DAY; at < END; at += WINDOW) {
    keeper.take(number(samplesAt(at)), true);
    n += 1;
    if (n % 3 !== 0) continue;
    const flush = performance.now();
    keeper.flush();
    longest = Math.max(longest, performance.now() - flush);
  }
  const tookS = (performance.now() - begin) / 1000;
  const size = (name: string) => statSync(name, { throwIfNoEntry: false })?.size ?? 0;
  const mib = (octets: number) => `${(octets / 1024 / 1024).toFixed(1)} MiB`;
  print(
    `${days + 1} days of ${series} series: ${mib(size(file))} and a journal of ${mib(size(`${file}-wal`))}; fed in ${tookS.toFixed(0)} s, the longest flush ${longest.toFixed(0)} ms`,
  );
  const ask = (what: string, from: number, stepS: number, tags = {}) => {
    const query = wholeQuery({
      measurement: 'climate',
      field: 'temperature_celsius',
      from,
      to: END,
      stepS,
      tags,
    });
    const start = performance.now();
    const lines = keeper.query(query);
    const values = lines.reduce((sum, line) => sum + line.values.length, 0);
    print(`${what}: ${(performance.now() - start).toFixed(1)} ms, ${lines.length} lines, ${values} values`);
  };
  const one = { device: 'device-7' };
  const zone = { zone: 'zone-1' };
  ask('a day of one series in 10 s', END - DAY, 10, one);
  ask('a day of one series in 5 min', END - DAY, 300, one);
  ask(`a day of a zone's series in 5 min`, END - DAY, 300, zone);
  ask('a day of all series in 5 min', END - DAY, 300);
  ask('a month of one series in 2 h', END - days * DAY, 7_200, one);
  ask(`a month of a zone's series in 2 h`, END - days * DAY, 7_200, zone);
  const written = () => Number(/^write_bytes: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
  const before = written();
  for (let at = END; at < END + DAY / 24; at += WINDOW) {
    keeper.take(number(samplesAt(at)), true);
    if ((at / WINDOW) % 3 === 2) keeper.flush();
  }
  print(`an hour of ${series} series writes ${mib(written() - before)}`);
  keeper.close();
}

// The history's thread keeps no process alive.
const alive = setInterval(() => {}, 1_000);
await takeOnTheLoop();
clearInterval(alive);
month();
rmSync(folder, { recursive: true });
