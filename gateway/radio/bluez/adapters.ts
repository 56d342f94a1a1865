import type { BluezSignal, ManagedObjects, Properties } from './bus.ts';

/** The adapter's interface. */
export const ADAPTER = 'org.bluez.Adapter1';

/** An adapter as bluetoothd has it now; another object each time that it comes, under the same name too. */
export interface SeenAdapter {
  path: string;
  /** `hci0` … */
  name: string;
  /** Upper case, colons. It stays the adapter's own, wherever it is plugged in. */
  address: string;
}

/** The adapters that bluetoothd has, as its signals tell. */
export interface Adapters {
  list(): readonly SeenAdapter[];
  /** Called after an adapter came or went, before the listeners to signals hear of it. It must not throw. */
  onChange(listener: () => void): () => void;
}

/** The list, and what keeps it. */
export interface AdapterList extends Adapters {
  hear(signal: BluezSignal): void;
  /** What bluetoothd had when it was asked, once: what was signalled meanwhile knows better. */
  know(objects: ManagedObjects): void;
}

export function adapterList(): AdapterList {
  const adapters = new Map<string, SeenAdapter>();
  const signalled = new Set<string>();
  const listeners = new Set<() => void>();

  const put = (path: string, { Address }: Properties): void => {
    adapters.set(path, { path, name: nameAt(path), address: String(Address) });
  };
  const changed = (): void => {
    for (const listener of [...listeners]) listener();
  };
  return {
    list: () => [...adapters.values()],
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    hear(signal) {
      if (signal.kind === 'added' && signal.interfaces[ADAPTER]) put(signal.path, signal.interfaces[ADAPTER]);
      else if (signal.kind === 'removed' && signal.interfaces.includes(ADAPTER)) adapters.delete(signal.path);
      else return;
      signalled.add(signal.path);
      changed();
    },
    know(objects) {
      for (const [path, { [ADAPTER]: properties }] of Object.entries(objects)) {
        if (properties && !signalled.has(path)) put(path, properties);
      }
      changed();
    },
  };
}

/** `hci0` … of an adapter's path. */
export function nameAt(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
