import { setTimeout as pause } from 'node:timers/promises';
import { type Presser, pressMore } from '../support/presser.ts';

/** Buttons that are pressed at a steady pace until they are told to stop. */
export interface Pressing {
  /** Resolves when everything that was sent is acknowledged. */
  stop(): Promise<void>;
}

const BURST = 15;
const PAUSE_MS = 250;

export function startPressing(buttons: readonly Presser[], port: number): Pressing {
  let isOver = false;
  const all = Promise.all(
    buttons.map(async (button) => {
      while (!isOver) {
        await pressMore(button, port, BURST);
        await pause(PAUSE_MS);
      }
      while (button.acknowledged.size < button.sent.size) await button.press(port, () => true);
    }),
  );
  return {
    async stop() {
      isOver = true;
      await all;
    },
  };
}
