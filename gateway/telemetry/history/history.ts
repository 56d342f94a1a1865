import { closeSync, openSync } from 'node:fs';
import type { Logger } from 'pino';
import { startWorker } from '../../thread.ts';
import type { Point } from '../point.ts';
import type { SeriesLine, SeriesSource } from '../series.ts';
import { inOrder, type WholeQuery, wholeQuery } from '../series-query.ts';
import type { Sink } from '../sink.ts';
import type { AnswerLine, FromThread, ThreadData, ThreadState, ToThread } from './messages.ts';
import { createNumbering } from './numbering.ts';

/** Samples that the thread has not taken over yet: ten windows of as many series as there may be. */
const MAX_ON_THE_WAY = 20_000;
/** Questions at a time, and how long one may take, ms. */
const MAX_QUESTIONS = 64;
const PATIENCE_MS = 10_000;
/** A thread that ended begins again after so long, ms. */
const RESTART_MS = 60_000;
/** The first samples wait so long for their thread, ms. */
const BEGIN_MS = 1_000;
/** At the end the disk has so long, ms. */
const CLOSE_MS = 2_000;
const FLUSH_MS = 30_000;
const MIB = 1024 * 1024;
const NOTHING_YET: ThreadState = { ok: true, taken: 0, waiting: 0, written: 0, dropped: 0 };

export interface HistoryParts {
  /** `<data>/history.db`; expendable, it is made where it is missing or damaged. */
  file: string;
  /** How long roll-ups of five minutes are kept; the windows of ten seconds are for a day. */
  days: number;
  log: Pick<Logger, 'warn'>;
  /** While it is not, nothing goes for its age. */
  isClockSure?: () => boolean;
  flushMs?: number;
  /** Octets of the disk that are left to the events. */
  keepFree?: number;
  /** The file grows no larger, octets; the oldest days go before. */
  maxBytes?: number;
}

export type History = Sink & SeriesSource;

/**
 * The time series on this box, for a shop without InfluxDB and for one whose InfluxDB does not answer. All
 * that touches the disk is in a thread of its own; here samples become numbers in one buffer, which is handed
 * over. They wait up to 30 s in memory, where queries see them too, and are synced a few times an hour.
 *
 * Bounds: 2,000 series (`numbering.ts`), and of each 1,500 rows of 66 octets (a minute; 25 hours of them) and
 * 24 a day of 125 (an hour's five minutes), so 200 KiB a series in 31 days; `maxBytes` over all. The queue
 * to the thread holds 20,000 samples, the thread 20,000 minutes of series while the disk refuses.
 */
export function openHistory(parts: HistoryParts): History {
  const { log, isClockSure = () => true } = parts;
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
  makeFile(data.file);

  function begun(): Thread {
    clearTimeout(beginning);
    thread ??= startThread();
    const samples = held;
    held = [];
    if (samples.length > 0) hand(thread, samples);
    return thread;
  }

  function hand(to: Thread, samples: readonly Point[]): void {
    const { refused, ...taken } = to.number(samples);
    before.dropped += refused;
    if (taken.samples === 0) return;
    to.sent += taken.samples;
    send(to, { kind: 'take', ...taken, isClockSure: isClockSure() }, [taken.rows.buffer]);
  }

  function startThread() {
    const worker = startWorker(new URL('./thread.ts', import.meta.url), { workerData: data });
    const questions = new Map<number, Question>();
    const running = {
      worker,
      questions,
      number: createNumbering(),
      sent: 0,
      state: NOTHING_YET,
      ended: undefined as string | undefined,
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
    if (message.kind === 'state') {
      if (running.state.ok && !message.state.ok)
        log.warn({ reason: message.state.reason }, 'the history keeps nothing at the moment');
      running.state = message.state;
    } else if (message.kind === 'told') log.warn(message.text);
    else if (message.kind === 'closed') running.closed();
    else answer(running.questions, message);
  }

  /** It ends by a bug or for want of memory: what it had not written is lost, and counted. */
  function end(running: Thread, why: string): void {
    if (running.ended !== undefined) return;
    running.ended = `the thread of the history ended (${why}); it begins again within a minute`;
    for (const question of running.questions.values()) question.reject(new Error(running.ended));
    running.questions.clear();
    running.closed();
    before.written += running.state.written;
    before.dropped += running.sent - running.state.written;
    running.sent = 0;
    running.state = { ...NOTHING_YET, ok: false, reason: running.ended };
    if (!isOpen) return;
    log.warn({ reason: why }, 'the thread of the history ended; it begins again within a minute');
    setTimeout(() => {
      if (isOpen) thread = startThread();
    }, RESTART_MS).unref();
  }

  function send({ worker }: Thread, message: ToThread, transfer: ArrayBuffer[] = []): void {
    worker.postMessage(message, transfer);
  }

  /** Asks it to write what waits, and gives up where that takes long. */
  function written(running: Thread): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, CLOSE_MS);
      running.closed = () => {
        clearTimeout(timer);
        resolve();
      };
      send(running, { kind: 'close' });
    });
  }

  let lastQuestion = 0;

  return {
    name: 'history',
    take(samples) {
      const onTheWay = thread ? thread.sent - thread.state.taken : held.length;
      if (!isOpen || thread?.ended !== undefined || onTheWay + samples.length > MAX_ON_THE_WAY) {
        before.dropped += samples.length;
      } else if (thread) hand(thread, samples);
      else {
        held.push(...samples);
        beginning ??= setTimeout(begun, Math.min(BEGIN_MS, data.flushMs)).unref();
      }
    },
    state() {
      const { state, sent } = thread ?? { state: NOTHING_YET, sent: 0 };
      const { ok, reason, written, dropped } = state;
      return {
        name: 'history',
        ok,
        ...(reason !== undefined && { reason }),
        waiting: held.length + sent - written - dropped,
        written: before.written + written,
        dropped: before.dropped + dropped,
      };
    },
    async query(question) {
      const query = wholeQuery(question);
      if (!isOpen) throw new Error('the history is closed');
      const asked = begun();
      const { questions, ended } = asked;
      if (ended !== undefined) throw new Error(ended);
      if (questions.size >= MAX_QUESTIONS)
        throw new Error('the history has too many questions at once: ask again in a moment');
      lastQuestion += 1;
      const answered = ask(questions, lastQuestion, query);
      send(asked, { kind: 'query', id: lastQuestion, query });
      return answered;
    },
    async close() {
      if (!isOpen) return;
      isOpen = false;
      clearTimeout(beginning);
      before.dropped += held.length;
      held = [];
      if (thread && thread.ended === undefined) await written(thread);
      await thread?.worker.terminate();
    },
  };
}

/** For this user alone, from the first moment on; where the disk refuses now the thread says so later. */
function makeFile(file: string): void {
  try {
    closeSync(openSync(file, 'a', 0o600));
  } catch {
    // It is made when something is written.
  }
}

interface Question {
  query: WholeQuery;
  resolve: (lines: SeriesLine[]) => void;
  reject: (error: Error) => void;
}

function ask(questions: Map<number, Question>, id: number, query: WholeQuery): Promise<SeriesLine[]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      questions.delete(id);
      reject(new Error('the history takes too long to answer: the disk is slow or busy; ask again later'));
    }, PATIENCE_MS).unref();
    const settle =
      <T>(how: (value: T) => void) =>
      (value: T) => {
        clearTimeout(timer);
        how(value);
      };
    questions.set(id, { query, resolve: settle(resolve), reject: settle(reject) });
  });
}

function answer(
  questions: Map<number, Question>,
  message: Extract<FromThread, { kind: 'answer' | 'no answer' }>,
): void {
  const question = questions.get(message.id);
  questions.delete(message.id);
  if (!question) return;
  if (message.kind === 'no answer') return question.reject(new Error(message.reason));
  const { query } = question;
  const lines = message.lines.map((line) => lineOf(line, query));
  question.resolve(inOrder(lines, query.tagNames));
}

function lineOf({ tags, values }: AnswerLine, { from, stepMs }: WholeQuery): SeriesLine {
  const points = Array.from(values, (value, i): SeriesLine['points'][number] => [
    from + i * stepMs,
    Number.isNaN(value) ? null : value,
  ]);
  return { tags, points };
}
