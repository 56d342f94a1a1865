import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A process that this one started, and ends. */
export interface Child {
  /** The first line of its output with this in it; rejects where it ends before. */
  line(part: string): Promise<string>;
  /** Memory that it has, MB. */
  residentMB(): number;
  /** Processor time that it has used, s. */
  processorS(): number;
  stop(signal: NodeJS.Signals): Promise<void>;
}

/** Linux counts processor time in hundredths of a second (`sysconf(_SC_CLK_TCK)`). */
const TICKS_PER_S = 100;

export function launch(program: string, args: readonly string[]): Child {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  let heard = () => {};
  createInterface({ input: child.stdout }).on('line', (line) => {
    // Kept are those of the start alone: a bench runs for long.
    if (lines.length < 100) lines.push(line);
    heard();
  });
  const ended = once(child, 'exit');
  let isOver = false;
  ended.then(() => {
    isOver = true;
    heard();
  });
  return {
    line: (part) =>
      new Promise((resolve, reject) => {
        heard = () => {
          const found = lines.find((line) => line.includes(part));
          if (found !== undefined) resolve(found);
          else if (isOver) reject(new Error(`it ended: ${lines.join('\n')}`));
        };
        heard();
      }),
    residentMB() {
      const [, kB = '0'] = readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/) ?? [];
      return Math.round(Number(kB) / 1024);
    },
    processorS() {
      // proc(5): utime and stime are the 14th and 15th; the name before them ends with a bracket.
      const [, rest = ''] = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ');
      const [user, system] = rest.split(' ').slice(11, 13).map(Number);
      return ((user ?? 0) + (system ?? 0)) / TICKS_PER_S;
    },
    async stop(signal) {
      if (!isOver) child.kill(signal);
      await ended;
    },
  };
}
