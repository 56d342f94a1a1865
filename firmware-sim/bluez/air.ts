import type { Peripheral } from './peripheral.ts';

/** One advertisement on the air. */
export interface Report {
  address: string;
  addressType: 'public' | 'random';
  rssi: number;
  data: Buffer;
  connectable: boolean;
}

/** What stands in the room and can be connected to. It is the same for every adapter, and outlives bluetoothd. */
export interface Air {
  put(placed: Omit<Placed, 'isNear' | 'deafTo' | 'refusals' | 'writes'>, everyMs: number): void;
  /** Throws where there is none. */
  at(address: string): Placed;
  find(address: string): Placed | undefined;
  /** Nothing there refuses or misses anything any more. */
  mend(): void;
}

export interface Placed {
  address: string;
  addressType: 'public' | 'random';
  rssi: number;
  peripheral: Peripheral;
  isNear: boolean;
  /** The one link it can have: it does not advertise, and nobody else gets in. */
  link?: Link | undefined;
  /** Writes that its radio takes and its firmware does not get. */
  deafTo: number;
  refusals: { times: number; text: string };
  dropAt?: DropAt | undefined;
  /** What reached its firmware, hex. */
  writes: string[];
}

export interface Link {
  /** The other side is gone. */
  lost(): void;
  /** It ends the services' notifications, and nobody notices. */
  loseNotifications(): void;
}

export interface DropAt {
  at: 'Connect' | 'ReadValue' | 'WriteValue' | 'StartNotify';
  effect: 'before' | 'after';
  reply: 'failed' | 'never';
}

export function openAir(hear: (report: Report) => void): Air {
  const room = new Map<string, { placed: Placed; timer: NodeJS.Timeout | undefined }>();

  function advertise({ address, addressType, rssi, peripheral, isNear, link }: Placed): void {
    if (!isNear || link) return;
    hear({ address, addressType, rssi, data: peripheral.advertisement(), connectable: true });
  }

  return {
    put(given, everyMs) {
      const before = room.get(given.address);
      clearInterval(before?.timer);
      before?.placed.link?.lost();
      const placed: Placed = {
        ...given,
        isNear: true,
        deafTo: 0,
        refusals: { times: 0, text: '' },
        writes: [],
      };
      const timer = everyMs > 0 ? setInterval(() => advertise(placed), everyMs) : undefined;
      room.set(placed.address, { placed, timer });
      advertise(placed);
    },
    at(address) {
      const found = room.get(address);
      if (!found) throw new Error(`no peripheral at ${address}`);
      return found.placed;
    },
    find: (address) => room.get(address)?.placed,
    mend() {
      for (const { placed } of room.values()) {
        placed.refusals = { times: 0, text: '' };
        placed.deafTo = 0;
        delete placed.dropAt;
      }
    },
  };
}
