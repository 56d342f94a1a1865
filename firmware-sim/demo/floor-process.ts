import { join } from 'node:path';
import type { FromFloor, Identifier, Opening, ToFloor } from '../shop-floor/messages.ts';
import type { Folder } from './folder.ts';
import type { Ledger } from './ledger.ts';
import { program } from './programs.ts';
import type { Supervisor } from './supervise.ts';
import { within } from './waiting.ts';

/** The shop floor as the demo sees it: a process that walks, presses and transmits, and tells what it did. */
export interface FloorProcess {
  giveSecret(device: string, secret: string): void;
  /** All its MQTT devices are connected. */
  isConnected(): boolean;
  counters(): { sent: number; acked: number; waiting: number };
  radioPresses(): Record<string, number>;
  /** Everything, in hex, that named a stranger since the start. In memory only. */
  strangers(): Set<string>;
  /** Somebody who is inside now and agreed to nothing. */
  who(): Promise<{ shopper?: number; identifiers: Identifier[] } | undefined>;
  /** Devices tell what they still have to tell. False where that took too long. */
  close(): Promise<boolean>;
}

const ANSWER_MS = 3_000;
const CLOSE_MS = 30_000;

export function openFloorProcess(parts: {
  opening: Opening;
  folder: Folder;
  supervisor: Supervisor;
  ledger: Ledger;
  onExit(name: string, how: string): void;
}): FloorProcess {
  const { opening, folder, supervisor, ledger, onExit } = parts;
  const strangers = new Set<string>();
  let counters = { sent: 0, acked: 0, waiting: 0 };
  let radioPresses: Record<string, number> = {};
  let isConnected = false;
  let isClosed = false;
  let that: Extract<FromFloor, { kind: 'that' }> | undefined;

  function take(message: FromFloor): void {
    switch (message.kind) {
      case 'counters':
        ({ radioPresses } = message);
        counters = { sent: message.sent, acked: message.acked, waiting: message.waiting };
        return;
      case 'sent':
        return ledger.sent(message.cause, message.at);
      case 'acked':
        return ledger.acked(message.cause, message.name);
      case 'stranger':
        for (const { hex } of message.identifiers) strangers.add(hex);
        return;
      case 'that':
        that = message;
        return;
      case 'connected':
        isConnected = true;
        return;
      case 'closed':
        isClosed = true;
    }
  }

  const running = supervisor.start({
    name: 'shop-floor',
    args: program('firmware-sim/shop-floor'),
    // Beside the logs, not among them: what strangers carry is theirs to say.
    logFile: join(folder.root, 'shop-floor.log'),
    onMessage: (message) => take(message as FromFloor),
    onExit: (how) => {
      // Closed, it has nothing more to do and ends.
      if (!isClosed) onExit('shop-floor', how);
    },
  });
  const say = (message: ToFloor) => running.send(message);
  say(opening);
  return {
    giveSecret: (device, secret) => say({ kind: 'secret', device, secret }),
    isConnected: () => isConnected,
    counters: () => counters,
    radioPresses: () => radioPresses,
    strangers: () => strangers,
    async who() {
      that = undefined;
      say({ kind: 'who' });
      return within(ANSWER_MS, () => that);
    },
    async close() {
      say({ kind: 'close' });
      return (await within(CLOSE_MS, () => isClosed || undefined)) === true;
    },
  };
}
