import { readFileSync } from 'node:fs';

/** One system call as `strace -f -ttt -yy -xx` wrote it down, once it has ended. */
export interface Call {
  name: string;
  /** As printed, strings in hexadecimal. */
  args: string;
  /** -1 where it failed. */
  result: number;
  /** Of a call that opens a file: where it lies. */
  opened?: string | undefined;
  /** When it began, ms since the epoch. */
  at: number;
  /** Lines of the trace in which it began and ended: what order there is. */
  begun: number;
  ended: number;
}

/** All calls in the order of their end. What was under way when the process ended is left out. */
export function readCalls(file: string): Call[] {
  const calls: Call[] = [];
  const underWay = new Map<string, { text: string; at: number; begun: number }>();
  for (const [line, printed] of readFileSync(file, 'latin1').split('\n').entries()) {
    const { thread, at, text } = parts(printed);
    const resumed = /^<\.\.\. \w+ resumed>/.exec(text);
    const before = underWay.get(thread);
    if (text.endsWith(UNFINISHED)) {
      underWay.set(thread, { text: text.slice(0, -UNFINISHED.length).trimEnd(), at, begun: line });
    } else if (resumed && before) {
      underWay.delete(thread);
      calls.push(...ended(before.text + text.slice(resumed[0].length), before.at, before.begun, line));
    } else {
      calls.push(...ended(text, at, line, line));
    }
  }
  return calls;
}

const UNFINISHED = '<unfinished ...>';

function parts(printed: string): { thread: string; at: number; text: string } {
  const [thread = '', at = ''] = printed.slice(0, 40).split(/ +/, 2);
  const start = printed.indexOf(at, thread.length) + at.length + 1;
  return { thread, at: Number(at) * 1_000, text: printed.slice(start) };
}

/** None for what is no call: a signal, an end, a call that was cut off (`= ?`). */
function ended(text: string, at: number, begun: number, line: number): Call[] {
  const open = text.indexOf('(');
  const equals = text.lastIndexOf(' = ');
  if (open < 1 || equals < 0 || !/^\w+$/.test(text.slice(0, open))) return [];
  const said = /^(-?\d+)(?:<((?:\\x[0-9a-f]{2})+)>)?/.exec(text.slice(equals + 3));
  if (!said) return [];
  const args = text
    .slice(open + 1, equals)
    .trimEnd()
    .slice(0, -1);
  const opened = said[2] === undefined ? undefined : octets(said[2]).toString();
  return [{ name: text.slice(0, open), args, result: Number(said[1]), opened, at, begun, ended: line }];
}

/** What stands between quotes, all of it together. @throws where strace cut it short. */
export function quoted({ args, name }: Call): Buffer[] {
  if (args.includes('"...')) throw new Error(`the trace has ${name} cut short: a larger -s is needed`);
  return [...args.matchAll(/"([^"]*)"/g)].map(([, text = '']) => octets(text));
}

/** Numbers after the last string: length, offset. */
export function numbersAtEnd({ args }: Call): number[] {
  const after = args.slice(Math.max(args.lastIndexOf('"'), args.lastIndexOf('>'), args.lastIndexOf(']')) + 1);
  return [...after.matchAll(/, (-?\d+)/g)].map(([, digits]) => Number(digits));
}

/** The descriptor that is the first argument, and the file or the two ports that it stands for. */
export function descriptor({ args }: Call): { fd: number; path?: string; ports?: [number, number] } {
  const [, digits, hex] = /^(\d+)<((?:\\x[0-9a-f]{2})+)>/.exec(args) ?? [];
  if (hex !== undefined) return { fd: Number(digits), path: octets(hex).toString() };
  const [, socket, here, there] = /^(\d+)<TCP:\[[\d.]+:(\d+)->[\d.]+:(\d+)\]>/.exec(args) ?? [];
  if (socket === undefined) return { fd: Number.parseInt(args, 10) };
  return { fd: Number(socket), ports: [Number(here), Number(there)] };
}

function octets(printed: string): Buffer {
  return Buffer.from(printed.replaceAll('\\x', ''), 'hex');
}
