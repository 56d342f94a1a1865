import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type { Message, MessageLike, Variant } from 'dbus-next';
import type { Bluetooth } from 'node-ble';

/** What we use of dbus-next's connection; `_` is private: the reason for the exact pins in package.json. */
export interface RawBus extends EventEmitter {
  call(message: Message): Promise<Message | null>;
  disconnect(): void;
  /** `end` is told here alone, and `stream` is there a turn after the bus. */
  _connection: EventEmitter & { stream?: Duplex };
  /** By serial; a call that is never answered stays here for ever. */
  _methodReturnHandlers: Record<number, unknown>;
}

export interface Bluez {
  bluetooth: Bluetooth;
  bus: RawBus;
  message(parts: MessageLike): Message;
  variant(signature: string, value: unknown): Variant;
}

/**
 * Connects to the bus by node-ble: at `address`, else at `DBUS_SYSTEM_BUS_ADDRESS`, else the system bus. Both
 * libraries are loaded by `require` (the rest of node-ble in load-gatt.ts): node-ble does so, and dbus-next's ESM build has
 * classes of its own, whose messages it refuses. Throws where they cannot be loaded (`code` MODULE_NOT_FOUND) or
 * are not those that are known here. A listener for `error` is the caller's, in the same turn.
 */
export function connectBluez(address?: string): Bluez {
  const require = createRequire(import.meta.url);
  const { createBluetooth } = require('node-ble');
  const { Message, Variant }: typeof import('dbus-next') = require('dbus-next');
  const { bluetooth } = at(address, createBluetooth);
  const bus = bluetooth.dbus;
  if (!isKnown(bus)) {
    throw new Error('this node-ble is not 1.13.0 on dbus-next 0.11, whose insides the radio relies on');
  }
  return {
    bluetooth,
    bus,
    message: (parts) => new Message(parts),
    variant: (signature, value) => new Variant(signature, value),
  };
}

type Connected = { bluetooth: Bluetooth & { dbus?: unknown } };
type CreateBluetooth = () => Connected;

/** node-ble takes the address from the environment alone, and reads it before it returns. */
function at(address: string | undefined, connect: CreateBluetooth): Connected {
  if (address === undefined) return connect();
  const before = process.env.DBUS_SYSTEM_BUS_ADDRESS;
  process.env.DBUS_SYSTEM_BUS_ADDRESS = address;
  try {
    return connect();
  } finally {
    if (before === undefined) delete process.env.DBUS_SYSTEM_BUS_ADDRESS;
    else process.env.DBUS_SYSTEM_BUS_ADDRESS = before;
  }
}

function isKnown(bus: unknown): bus is RawBus {
  const { call, disconnect, _connection, _methodReturnHandlers } = (bus ?? {}) as Partial<RawBus>;
  return (
    typeof call === 'function' &&
    typeof disconnect === 'function' &&
    typeof _connection?.on === 'function' &&
    typeof _methodReturnHandlers === 'object'
  );
}
