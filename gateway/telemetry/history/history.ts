import { closeSync, openSync } from 'node:fs';
import type { Logger } from 'pino';
import { startWorker } from '../../thread.ts';
import type { Point } from '../point.ts';
import type { SeriesSource } from '../series.ts';
import { wholeQuery } from '../series-query.ts';
import type { Sink } from '../sink.ts';
import { leaveBehind } from './left-behind.ts';
import type { FromThread, ThreadData, ThreadState, ToThread } from './messages.ts';
import { createNumbering } from './numbering.ts';
import { createQuestions } from './questions.ts';

/** Samples that the thread has not taken over yet: ten windows of as many series as there may be. */
const MAX_ON_THE_WAY = 20_000;
/**
 * A thread that ended begins again after a rest, ms: from the first to the longest, doubled each time. One that
 * lived longer than the longest is well again.
 */
const REST_MS = [1_000, 60_000] as const;
/** What a thread may hold, MiB (2,000 series need 48): whatever lies in the file ends it, and not the process. */
const HEAP_MIB = 64;
/** The first samples wait so long for their thread, ms. */
const BEGIN_MS = 1_000;
/** At the end the disk has so long, ms; whatever it does, `close` takes no longer. */
const CLOSE_MS = 2_000;
const FLUSH_MS = 30_000;
const MIB = 1024 * 1024;
const NOTHING_YET: ThreadState = { ok: true, taken: 0, waiting: 0, written: 0, dropped: 0 };

export interface HistoryParts {
  /** `<data>/history.db`; expendable, it is made where it is missing or damaged. */
  file: string;
  /** How long roll-ups of five minutes are kept; the windows of ten seconds are for a day. */
  days: number;
  log: Pick<Logger, 'info' | 'warn'>;
  /** While it is not, nothing goes for its age. */
  isClockSure?: () => boolean;
  flushMs?: number;
  /** Octets of the disk that are left to the events. */
  keepFree?: number;
  /** The file grows no larger, octets; the oldest days go before. */
  maxBytes?: number;
  restMs?: readonly [first: number, longest: number];
  closeMs?: number;
}

export type History = Sink & SeriesSource;

/**
 * The time series on this box, for a shop without InfluxDB and for one whose InfluxDB does not answer. All
 * that touches the disk is in a thread of its own; here samples become numbers in one buffer, which is handed
 * over. They wait up to 30 s in memory, where queries see them too, and are synced a few times an hour. A thread
 * that ends takes along what it had not written, which is counted; what comes meanwhile waits for the next.
 *
 * Bounds: 2,000 series (`numbering.ts`), and of each 1,500 rows of 66 octets (a minute; 25 hours of them) and
 * 24 a day of 125 (an hour's five minutes), so 200 KiB a series in 31 days; `maxBytes` over all. The queue
 * to the thread holds 20,000 samples, the thread 20,000 minutes of series while the disk refuses.
 */
export function openHistory(parts: HistoryParts): History {
  const { log, isClockSure = () => true, closeMs = CLOSE_MS } = parts;
  const [firstRest, longestRest] = parts.restMs ?? REST_MS;
  const data: ThreadData = {
    file: parts.file,
    days: parts.days,
    flushMs: parts.flushMs ?? FLUSH_MS,
    keepFree: parts.keepFree ?? 128 * MIB,
    maxBytes: parts.maxBytes ?? 512 * MIB,
  };
  /** Of the threads that ended, and what never came to one. */
  const before = { written: 0, dropped: 0 };
  let isOpen = true;
  /** None until there is something for it: a gateway that runs for a moment starts none. */
  let thread: Thread | undefined;
  let held: Point[] = [];
  let beginning: NodeJS.Timeout | undefined;
  /** After one that ended: why, until the next one says something. */
  let trouble: string | undefined;
  let nextRest = firstRest;
  makeFile(data.file);

  function begin(): void {
    clearTimeout(beginning);
    beginning = undefined;
    try {
      thread = startThread();
    } catch (error) {
      // The system has no thread to give at this moment.
      return rest((error as Error).message, 0);
    }
    const samples = held;
    held = [];
    if (samples.length > 0) hand(thread, samples);
  }

  function rest(why: string, lost: number): void {
    const restMs = nextRest;
    nextRest = Math.min(2 * restMs, longestRest);
    trouble = `the thread of the history ended (${why}); it begins again within a minute`;
    log.warn({ reason: why, lost, restMs }, 'the thread of the history ended; it begins again after a rest');
    beginning = setTimeout(begin, restMs).unref();
  }

  function hand(to: Thread, samples: readonly Point[]): void {
    const { refused, ...taken } = to.number(samples);
    before.dropped += refused;
    if (taken.samples === 0) return;
    to.sent += taken.samples;
    send(to, { kind: 'take', ...taken, isClockSure: isClockSure() }, [taken.rows.buffer]);
  }

  function startThread() {
    const worker = startWorker(new URL('./thread.ts', import.meta.url), {
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
    });
    const running = {
      worker,
      questions: createQuestions(),
      number: createNumbering(),
      begunAt: performance.now(),
      sent: 0,
      state: NOTHING_YET,
      closed: () => {},
    };
    worker.on('message', (message: FromThread) => hear(running, message));
    worker.on('error', (error) => end(running, error.message));
    worker.on('exit', () => end(running, 'it left'));
    worker.unref();
    return running;
  }
  type Thread = ReturnType<typeof startThread>;

  function hear(running: Thread, message: FromThread): void {
    if (running !== thread) return;
    trouble = undefined;
    if (message.kind === 'state') tell(running, message.state);
    else if (message.kind === 'told') log.warn(message.text);
    else if (message.kind === 'closed') running.closed();
    else running.questions.hear(message);
  }

  function tell(running: Thread, state: ThreadState): void {
    if (running.state.ok && !state.ok)
      log.warn({ reason: state.reason }, 'the history keeps nothing at the moment');
    if (!running.state.ok && state.ok) log.info('the history keeps again what comes');
    running.state = state;
  }

  /** By a bug, for want of memory or at the end: what it had not written is lost, and counted. */
  function end(running: Thread, why: string): void {
    if (running !== thread) return;
    thread = undefined;
    const { sent, begunAt, state } = running;
    before.written += state.written;
    before.dropped += sent - state.written;
    const lost = sent - state.written - state.dropped;
    if (performance.now() - begunAt > longestRest) nextRest = firstRest;
    if (isOpen) rest(why, lost);
    else tellLost(lost);
    running.questions.giveUp(trouble ?? 'the history is closed');
    running.closed();
  }

  function tellLost(lost: number): void {
    if (lost > 0) log.warn({ lost }, 'samples that the history could not write in time');
  }

  function send({ worker }: Thread, message: ToThread, transfer: ArrayBuffer[] = []): void {
    worker.postMessage(message, transfer);
  }

  /**
   * Asks it to write what waits, and to leave. It is left behind where it hangs, and never terminated: better-sqlite3
   * ends the whole process where a call of its fails in a thread that is being terminated.
   */
  async function finished(running: Thread): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const isLate = await new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, closeMs, true);
      running.closed = () => resolve(false);
      send(running, { kind: 'close' });
    });
    clearTimeout(timer);
    if (isLate) leaveBehind(running.worker);
    end(running, 'it was closed');
  }

  return {
    name: 'history',
    take(samples) {
      const onTheWay = thread ? thread.sent - thread.state.taken : held.length;
      if (!isOpen || onTheWay + samples.length > MAX_ON_THE_WAY) before.dropped += samples.length;
      else if (thread) hand(thread, samples);
      else {
        held.push(...samples);
        beginning ??= setTimeout(begin, Math.min(BEGIN_MS, data.flushMs)).unref();
      }
    },
    state() {
      const { state, sent } = thread ?? { state: NOTHING_YET, sent: 0 };
      const reason = trouble ?? state.reason;
      return {
        name: 'history',
        ok: reason === undefined,
        ...(reason !== undefined && { reason }),
        waiting: held.length + sent - state.written - state.dropped,
        written: before.written + state.written,
        dropped: before.dropped + state.dropped,
      };
    },
    async query(question) {
      const query = wholeQuery(question);
      if (!isOpen) throw new Error('the history is closed');
      if (!thread && trouble === undefined) begin();
      const asked = thread;
      if (!asked) throw new Error(trouble);
      return asked.questions.ask(query, (id) => send(asked, { kind: 'query', id, query }));
    },
    async close() {
      if (!isOpen) return;
      isOpen = false;
      clearTimeout(beginning);
      before.dropped += held.length;
      if (trouble !== undefined) tellLost(held.length);
      held = [];
      if (thread) await finished(thread);
    },
  };
}

/** For this user alone, from the first moment on; where the disk refuses now the thread says so later. */
function makeFile(file: string): void {
  try {
    // Only where it is missing: what lies there may be anything, and opening it may wait without end.
    closeSync(openSync(file, 'ax', 0o600));
  } catch {
    // It is made when something is written.
  }
}
