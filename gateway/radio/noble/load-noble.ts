import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import type { HciSocket } from './h4-socket.ts';

/** What we use of noble, most of it private: the reason for the exact pin in package.json. */
export interface Noble extends EventEmitter {
  /** Reading it initialises noble, and throws where the adapter cannot be opened. */
  readonly state: string;
  startScanning(services: string[], duplicates: boolean): void;
  stopScanning(): void;
  _bindings: EventEmitter & { _hci: Hci };
}

export interface Hci extends EventEmitter {
  /** Scan with LE Set Extended Scan Enable in place of the legacy command. */
  _isExtended: boolean;
  _socket: HciSocket;
  onSocketData(packet: Buffer): void;
  onSocketError(error: NodeJS.ErrnoException): void;
  processLeMetaEvent(subevent: number, count: number, octets: Buffer): void;
  pollIsDevUp(): void;
  setLeEventMask(): void;
  reset(): void;
}

/**
 * Loads a noble of its own for one adapter: `socket`, if given, takes the place of the kernel's HCI socket,
 * otherwise `index` chooses the adapter. Throws where noble cannot be loaded (with `code` EAFNOSUPPORT on a
 * kernel without Bluetooth) or is not the noble that is known here.
 */
export function loadNoble(adapter: { socket: HciSocket } | { index: number }): Noble {
  const require = createRequire(import.meta.url);
  const entry = require.resolve('@abandonware/noble/with-custom-binding');
  const requireOfNoble = createRequire(entry);
  silence(requireOfNoble('debug'));
  const socketModule = requireOfNoble.resolve('@abandonware/bluetooth-hci-socket');
  const folder = join(dirname(entry), 'lib') + sep;
  const isOurs = (path: string) => path === entry || path === socketModule || path.startsWith(folder);
  const taken = takeModules(require.cache, isOurs);
  try {
    if ('socket' in adapter) {
      const { socket } = adapter;
      require.cache[socketModule] = fakeModule(require, socketModule, function HciSocketOverTcp() {
        return socket;
      });
    }
    const noble: unknown = requireOfNoble(entry)({ deviceId: 'index' in adapter ? adapter.index : 0 });
    if (!isKnown(noble))
      throw new Error('this @abandonware/noble is not 1.9.2-26, whose insides the radio relies on');
    return noble;
  } finally {
    // The next adapter gets modules of its own, and nobody else finds ours.
    takeModules(require.cache, isOurs);
    Object.assign(require.cache, taken);
  }
}

type Cache = NodeJS.Dict<NodeJS.Module>;

function takeModules(cache: Cache, ours: (path: string) => boolean): Cache {
  const taken: Cache = {};
  for (const path of Object.keys(cache).filter(ours)) {
    taken[path] = cache[path];
    delete cache[path];
  }
  return taken;
}

function fakeModule(require: NodeJS.Require, path: string, exports: unknown): NodeJS.Module {
  return {
    id: path,
    filename: path,
    path: dirname(path),
    loaded: true,
    exports,
    children: [],
    paths: [],
    require,
  } as unknown as NodeJS.Module;
}

/** noble's own debug output would print the address of everybody who walks by (DEBUG=hci). */
function silence(debug: { disable(): string; enable(namespaces: string): void }): void {
  const enabled = debug.disable();
  if (enabled) debug.enable(`${enabled},-hci,-gap,-noble,-att,-signaling,-smp,-acl*`);
}

const HCI_METHODS = [
  'onSocketData',
  'onSocketError',
  'processLeMetaEvent',
  'pollIsDevUp',
  'setLeEventMask',
  'reset',
] as const;

function isKnown(noble: unknown): noble is Noble {
  const { _bindings: bindings, startScanning, stopScanning } = noble as Partial<Noble>;
  const hci = bindings?._hci;
  return (
    typeof startScanning === 'function' &&
    typeof stopScanning === 'function' &&
    typeof hci?._socket === 'object' &&
    typeof hci._isExtended === 'boolean' &&
    HCI_METHODS.every((method) => typeof hci[method] === 'function')
  );
}
