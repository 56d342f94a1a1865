/** A device that can be connected to: its firmware, behind its radio. */
export interface Peripheral {
  readonly name: string;
  /** AD structures. */
  advertisement(): Buffer;
  readonly services: readonly GattService[];
  /** A link is up: `notify` sends the value of a characteristic to a central that subscribed to it. */
  connected(notify: (uuid: string, value: Buffer) => void): void;
  disconnected(): void;
  /** Somebody turns its wheel, °C. */
  turn(setpointC: number): void;
  /** Its battery gets low, or a new one is put in; where it has a sign for that. It says so with its next status. */
  battery?(isLow: boolean): void;
  state(): { setpointC: number; roomC: number } & Record<string, unknown>;
}

/** Handles as in its attribute table, Core Spec vol 3 G; UUIDs with 128 bits, lower case. */
export interface GattService {
  uuid: string;
  handle: number;
  characteristics: readonly GattCharacteristic[];
}

export interface GattCharacteristic {
  uuid: string;
  /** Of its declaration; its value stands one behind. */
  handle: number;
  flags: readonly ('read' | 'write' | 'write-without-response' | 'notify' | 'indicate')[];
  descriptors?: readonly { uuid: string; handle: number; value: Buffer }[];
  /** Throws an `AttError`. */
  read?(): Buffer;
  /** What is longer than this is refused. */
  maxLength?: number;
  write?(value: Buffer): void;
}

/** Core Spec vol 3 F §3.4.1.1. */
export class AttError extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`ATT error ${code}`);
    this.code = code;
  }
}

export const ATT = {
  readNotPermitted: 0x02,
  writeNotPermitted: 0x03,
  requestNotSupported: 0x06,
  invalidLength: 0x0d,
  unlikely: 0x0e,
  valueNotAllowed: 0x13,
} as const;
