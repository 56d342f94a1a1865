import { type Adapter, createAdapter, type Stored } from './adapter.ts';
import type { Air, Report } from './air.ts';
import { AGENT_MANAGER, OBJECT_MANAGER } from './interfaces.ts';
import type { Settings } from './settings.ts';
import type { Tree } from './tree.ts';

/** An adapter that is plugged in, whether bluetoothd runs or not. */
export interface Plugged {
  address: string;
  powered: boolean;
}

/** What bluetoothd has on its disk: by adapter's address (`/var/lib/bluetooth/<address>/`), the devices by theirs. */
export type Store = (adapterAddress: string) => Map<string, Stored>;

export function createStore(): Store {
  const folders = new Map<string, Map<string, Stored>>();
  return (address) => {
    const folder = folders.get(address) ?? new Map<string, Stored>();
    folders.set(address, folder);
    return folder;
  };
}

/** The daemon: what it has is gone when it ends, but for what it stored. */
export interface Bluetoothd {
  adapters: Map<string, Adapter>;
  plug(name: string, plugged: Plugged): void;
  unplug(name: string): void;
  hear(report: Report, adapter?: string): number;
  forget(sender: string): void;
  /** Takes all its objects away, with signals or, as a crash does, without. */
  end(how: 'tidily' | 'at once'): void;
}

const none = () => undefined;

export function startBluetoothd(parts: {
  tree: Tree;
  settings: Settings;
  air: Air;
  plugged: ReadonlyMap<string, Plugged>;
  stored: Store;
  onConnecting(change: 1 | -1): void;
}): Bluetoothd {
  const { tree, settings, air, stored, onConnecting } = parts;
  const adapters = new Map<string, Adapter>();

  function plug(name: string, { address, powered }: Plugged): void {
    unplug(name);
    const { find } = air;
    const folder = stored(address);
    adapters.set(
      name,
      createAdapter({ tree, settings, name, address, powered, stored: folder, find, onConnecting }),
    );
  }

  function unplug(name: string): void {
    adapters.get(name)?.remove();
    adapters.delete(name);
  }

  tree.add('/', OBJECT_MANAGER, {});
  tree.add('/org/bluez', AGENT_MANAGER, {
    methods: { RegisterAgent: none, UnregisterAgent: none, RequestDefaultAgent: none },
  });
  for (const [name, plugged] of parts.plugged) plug(name, plugged);

  return {
    adapters,
    plug,
    unplug,
    hear(report, adapter) {
      const listening = [...adapters].filter(([name]) => adapter === undefined || name === adapter);
      return listening.filter(([, one]) => one.hear(report)).length;
    },
    forget(sender) {
      for (const adapter of adapters.values()) adapter.forget(sender);
    },
    end(how) {
      if (how === 'at once') tree.silence();
      for (const name of [...adapters.keys()]) unplug(name);
      tree.remove('/org/bluez');
      tree.clear();
    },
  };
}
