import type { TransferListItem } from 'node:worker_threads';
import type { JWK } from 'jose';
import type { Logger } from 'pino';
import type { ConsentKey, ConsentRecord } from '../consent-record.ts';
import type { CentralCommand } from '../pipeline/signal.ts';
import type { PreparedIds, PreparedWindow } from '../recognise/eid-prepared.ts';
import { startWorker } from '../thread.ts';
import type { ListHead, SignedList } from './central-message.ts';
import { recordsOf } from './list-part.ts';
import type { AnswerHead, Ask, Read, SliceRead, Told, WorkerData } from './list-worker.ts';

/** A list too long for one signal: the reading thread has it, and hands it out slice by slice. */
export interface LongListHandle {
  kind: 'long-list';
  head: ListHead;
  slices: number;
  /** The records of a slice, once, and the ids of their tags. */
  slice(n: number): Promise<{ records: ConsentRecord[]; prepared: PreparedIds }>;
  omitted(recordIds: readonly string[]): Promise<string[]>;
  /** To be called when nothing more is wanted of it. */
  forget(): void;
}

/** A message that was read. */
export type CentralReading =
  | { kind: 'refused'; reason: string }
  | { kind: 'nothing' }
  | { kind: 'command'; command: CentralCommand }
  | SignedList
  | LongListHandle;

/** An HTTP answer under way. All calls reject where the thread that has it ended. */
export interface AnswerReader {
  /** The next piece of its body; copied, so that it stays the caller's. */
  add(piece: Uint8Array): Promise<void>;
  /** Once all pieces are there. Rejects where they are no answer. */
  open(): Promise<AnswerHead>;
  /** One of its messages, once, in order. */
  read(n: number): Promise<CentralReading>;
  forget(): void;
}

/** Reads what the central platform sends, in a thread of its own. */
export interface Reader {
  answer(): AnswerReader;
  read(message: Uint8Array): Promise<CentralReading>;
  /** Grows whenever the thread ended, and the parts of lists that it kept with it. */
  losses(): number;
  close(): Promise<void>;
}

/** Memory of the thread, MiB: an answer of 160 MiB is held twice while it is taken apart. */
const MEMORY = 768;

export interface ReaderParts extends WorkerData {
  issuerKeys: readonly JWK[];
  log: Logger;
  /** MiB; beyond, the thread ends. */
  memory?: number | undefined;
}

/**
 * Starts the thread. Where it ends by itself (memory, a mistake of ours) the log says so, what was asked of
 * it rejects, and the next question starts another: its askers fetch the message again.
 */
export function openReader({ issuerKeys, storeId, log, memory = MEMORY }: ReaderParts): Reader {
  let thread: Thread | undefined;
  let losses = 0;
  let closed = false;
  let lastAnswer = 0;

  function running(): Thread {
    if (closed) throw new Error('the gateway ends');
    thread ??= startThread({ issuerKeys, storeId }, memory, (reason) => {
      thread = undefined;
      losses += 1;
      log.error(
        { reason },
        'the thread that reads the central platform’s messages ended; it starts again, and what it had is asked for again',
      );
    });
    return thread;
  }

  function answer(): AnswerReader {
    const { call } = running();
    lastAnswer += 1;
    const number = lastAnswer;
    return {
      async add(piece) {
        const octets = Uint8Array.from(piece);
        await call({ what: 'piece', answer: number, octets }, [octets.buffer]);
      },
      open: () => call({ what: 'answer', answer: number }) as Promise<AnswerHead>,
      read: async (n) => reading((await call({ what: 'message', answer: number, n })) as Read, call),
      forget: () => void call({ what: 'forget answer', answer: number }).catch(() => {}),
    };
  }

  running();
  return {
    answer,
    async read(message) {
      const { call } = running();
      const octets = Uint8Array.from(message);
      return reading((await call({ what: 'octets', octets }, [octets.buffer])) as Read, call);
    },
    losses: () => losses,
    async close() {
      closed = true;
      await thread?.end();
    },
  };
}

type Call = (ask: Ask, transfer?: readonly TransferListItem[]) => Promise<unknown>;

interface Thread {
  call: Call;
  end(): Promise<void>;
}

/** `lost` is called, once, where the thread ends without having been told to. */
function startThread(data: WorkerData, memory: number, lost: (reason: string) => void): Thread {
  const worker = startWorker(new URL('./list-worker.ts', import.meta.url), {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: memory },
  });
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let last = 0;
  let isOver = false;
  let isEnding = false;
  let reason: string | undefined;

  worker.on('message', (told: Told) => {
    const asker = waiting.get(told.id);
    waiting.delete(told.id);
    if ('error' in told) asker?.reject(new Error(told.error));
    else asker?.resolve(told.value);
  });
  worker.on('error', (error: Error & { code?: string }) => {
    // Its message could quote what it was reading.
    reason = error.code ?? error.name;
  });
  worker.on('exit', (code) => {
    isOver = true;
    if (!isEnding) lost(reason ?? `exit code ${code}`);
    for (const { reject } of waiting.values()) reject(new Error('the reading thread ended'));
    waiting.clear();
  });

  return {
    call: (ask, transfer = []) =>
      new Promise((resolve, reject) => {
        if (isOver) return reject(new Error('the reading thread ended'));
        last += 1;
        waiting.set(last, { resolve, reject });
        worker.postMessage({ id: last, ask }, transfer);
      }),
    async end() {
      isEnding = true;
      await worker.terminate();
    },
  };
}

function reading(read: Read, call: Call): CentralReading {
  if (read.kind === 'list') return { ...read.head, records: recordsOf(read) };
  if (read.kind !== 'long-list') return read;
  const { head, list, slices } = read;
  return {
    kind: 'long-list',
    head,
    slices,
    slice: async (n) => sliceOf((await call({ what: 'slice', list, n })) as SliceRead),
    omitted: async (recordIds) => (await call({ what: 'omitted', list, recordIds })) as string[],
    forget: () => void call({ what: 'forget list', list }).catch(() => {}),
  };
}

function sliceOf(read: SliceRead) {
  const records = recordsOf(read);
  const prepared = new Map<ConsentKey, PreparedWindow>();
  let next = 0;
  for (const key of records.flatMap(({ keys }) => keys)) {
    const window = key.kind === 'eid' ? read.prepared[next++] : undefined;
    if (window) prepared.set(key, window);
  }
  return { records, prepared };
}
