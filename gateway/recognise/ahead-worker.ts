import { parentPort } from 'node:worker_threads';
import { BLOCK_LENGTH, encryptBlock } from '../../devices/wire/aes-block.ts';

/* The thread of `ahead.ts`: batches of key and block in, as many encrypted blocks out. It keeps nothing. */

parentPort?.on('message', (questions: Uint8Array) => {
  const answers = new Uint8Array(questions.length / 2);
  for (let from = 0; from < questions.length; from += 2 * BLOCK_LENGTH) {
    const middle = from + BLOCK_LENGTH;
    const block = encryptBlock(
      questions.subarray(from, middle),
      questions.subarray(middle, middle + BLOCK_LENGTH),
    );
    answers.set(block, from / 2);
  }
  questions.fill(0);
  parentPort?.postMessage(answers, [answers.buffer]);
});
