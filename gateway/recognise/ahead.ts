import { BLOCK_LENGTH } from '../../devices/wire/aes-block.ts';
import { startWorker } from '../thread.ts';

/*
 * Ids that will be needed soon are worked out by another thread. What it finds is a memo and nothing else:
 * with it, without it, or where it comes too late, the ids are the same, so `replay` and tests run without.
 */

/** Answers to a batch of questions, 16 octets each, as soon as they are worked out. */
interface Batch {
  answers?: Uint8Array;
}

/** Where the answer to one question will be. */
export interface Slip {
  batch: Batch;
  place: number;
}

/** The 16 octets that were asked for, or nothing yet. */
export function answerOf({ batch, place }: Slip): Uint8Array | undefined {
  return batch.answers?.subarray(place * BLOCK_LENGTH, (place + 1) * BLOCK_LENGTH);
}

export interface Ahead {
  /** Asks for AES-128 of `block` under `key`; both are copied, and overwritten once they were used. */
  ask(key: Uint8Array, block: Uint8Array): Slip;
}

export interface AheadThread extends Ahead {
  close(): Promise<void>;
}

/** Questions in one message to the thread. */
const MOST = 1_000;
const QUESTION_LENGTH = 2 * BLOCK_LENGTH;

/**
 * Starts the thread; it does not keep the process alive. `failed` hears once if it ends by itself: nothing is
 * asked from then on, and everything goes on without it.
 */
export function openAhead(failed: (error: Error) => void): AheadThread {
  const worker = startWorker(new URL('./ahead-worker.ts', import.meta.url));
  /** Sent and not answered yet; answers come in the order of the questions. */
  const sent: Batch[] = [];
  let batch: Batch = {};
  let count = 0;
  const questions = new Uint8Array(MOST * QUESTION_LENGTH);
  let isOpen = true;
  let timer: NodeJS.Immediate | undefined;

  worker.on('message', (answers: Uint8Array) => {
    const answered = sent.shift();
    if (answered) answered.answers = answers;
  });
  worker.on('error', (error) => {
    if (!isOpen) return;
    stop();
    failed(error);
  });
  worker.unref();

  function stop(): void {
    isOpen = false;
    clearImmediate(timer);
    questions.fill(0);
    count = 0;
    sent.length = 0;
  }

  function send(): void {
    clearImmediate(timer);
    timer = undefined;
    const asked = questions.slice(0, count * QUESTION_LENGTH);
    sent.push(batch);
    questions.fill(0);
    batch = {};
    count = 0;
    worker.postMessage(asked, [asked.buffer]);
  }

  return {
    ask(key, block) {
      const slip = { batch, place: count };
      if (!isOpen) return slip;
      questions.set(key, count * QUESTION_LENGTH);
      questions.set(block, count * QUESTION_LENGTH + BLOCK_LENGTH);
      count += 1;
      if (count === MOST) send();
      else timer ??= setImmediate(send).unref();
      return slip;
    },
    async close() {
      stop();
      await worker.terminate();
    },
  };
}
