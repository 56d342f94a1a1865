import { type Typed, variants } from './dbus.ts';
import { INTERFACES, INTROSPECTABLE, OBJECT_MANAGER, PROPERTIES } from './interfaces.ts';

/** Answers a call: the body of the reply, at once or later. Throws a `BusError`. */
export type Method = (args: readonly unknown[], sender: string) => Body | Promise<Body>;
type Body = readonly unknown[] | undefined;

/** One interface of an object: what it says of itself and what it does. */
export interface Interface {
  properties: Map<string, Typed>;
  methods: Record<string, Method>;
  /** By property: what Set does. Throws a `BusError`. */
  setters: Record<string, (value: unknown) => void>;
}

export type Signal = (path: string, member: [string, string], signature: string, body: unknown[]) => void;

/**
 * The objects on the bus, and the signals of what changes in them, as bluetoothd's D-Bus library
 * (gdbus/object.c) sends them: changes wait for the end of the turn, one PropertiesChanged an interface,
 * with the values of then; what is added tells its properties in InterfacesAdded alone; what came and
 * went within a turn is told to nobody.
 */
export interface Tree {
  add(path: string, iface: string, made: Partial<Omit<Interface, 'properties'>> & Properties): void;
  /** Undefined: the property is no more. Told even where the value is the same. */
  change(path: string, iface: string, changed: Record<string, Typed | undefined>): void;
  /** The object and all below it. */
  remove(path: string): void;
  removeInterface(path: string, iface: string): void;
  get(path: string, iface: string, property: string): unknown;
  object(path: string): ReadonlyMap<string, Interface> | undefined;
  /** What stands below a path, one level deep. */
  children(path: string): string[];
  /** `a{oa{sa{sv}}}` */
  managed(): Record<string, Shown>;
  size(): number;
  /** Sends what waits. Before each reply, and at the end of a turn. */
  flush(): void;
  /** No signal from here on, until `clear`: the process has crashed. */
  silence(): void;
  /** Forgets everything that is left. */
  clear(): void;
}

interface Properties {
  properties?: Record<string, Typed>;
}

type Shown = Record<string, ReturnType<typeof variants>>;

interface Pending {
  added: Set<string>;
  changed: Map<string, Set<string>>;
}

export function createTree(signal: Signal): Tree {
  const objects = new Map<string, Map<string, Interface>>();
  const pending = new Map<string, Pending>();
  let turn: NodeJS.Immediate | undefined;
  let isSilent = false;

  const send: Signal = (...said) => {
    if (!isSilent) signal(...said);
  };

  function waiting(path: string): Pending {
    turn ??= setImmediate(flush);
    const now = pending.get(path) ?? { added: new Set(), changed: new Map() };
    pending.set(path, now);
    return now;
  }

  function shown(path: string, interfaces: Iterable<string>): Shown {
    const all: Shown = { [INTROSPECTABLE]: {}, [PROPERTIES]: {} };
    for (const iface of interfaces) {
      all[iface] = variants(Object.fromEntries(objects.get(path)?.get(iface)?.properties ?? []));
    }
    return all;
  }

  function flush(): void {
    clearImmediate(turn);
    turn = undefined;
    for (const [path, { added, changed }] of pending) {
      if (added.size > 0 && path !== '/') {
        send('/', [OBJECT_MANAGER, 'InterfacesAdded'], 'oa{sa{sv}}', [path, shown(path, added)]);
      }
      for (const [iface, names] of changed) tellChanged(path, iface, names);
    }
    pending.clear();
  }

  function tellChanged(path: string, iface: string, names: Set<string>): void {
    const properties = objects.get(path)?.get(iface)?.properties;
    const there = [...names].flatMap((name) => {
      const typed = properties?.get(name);
      return typed ? [[name, typed] as const] : [];
    });
    const gone = [...names].filter((name) => !properties?.has(name));
    const body = [iface, variants(Object.fromEntries(there)), gone];
    send(path, [PROPERTIES, 'PropertiesChanged'], 'sa{sv}as', body);
  }

  function removeOne(path: string): void {
    const interfaces = [...(objects.get(path)?.keys() ?? [])];
    const unsaid = pending.get(path)?.added;
    if (unsaid?.size === interfaces.length) {
      pending.delete(path);
    } else {
      flush();
      const names = [INTROSPECTABLE, PROPERTIES, ...interfaces];
      send('/', [OBJECT_MANAGER, 'InterfacesRemoved'], 'oas', [path, names]);
    }
    objects.delete(path);
  }

  return {
    add(path, iface, { properties = {}, methods = {}, setters = {} }) {
      const object = objects.get(path) ?? new Map<string, Interface>();
      objects.set(path, object);
      object.set(iface, { properties: new Map(Object.entries(properties)), methods, setters });
      waiting(path).added.add(iface);
    },
    change(path, iface, changed) {
      const properties = objects.get(path)?.get(iface)?.properties;
      if (!properties) return;
      for (const [name, typed] of Object.entries(changed)) {
        if (typed) properties.set(name, typed);
        else if (!properties.delete(name)) continue;
        const wait = waiting(path);
        if (wait.added.has(iface)) continue;
        wait.changed.set(iface, (wait.changed.get(iface) ?? new Set()).add(name));
      }
    },
    remove(path) {
      const below = [...objects.keys()].filter((other) => other.startsWith(`${path}/`));
      for (const other of below.reverse()) removeOne(other);
      if (objects.has(path)) removeOne(path);
    },
    removeInterface(path, iface) {
      if (!objects.get(path)?.has(iface)) return;
      flush();
      objects.get(path)?.delete(iface);
      send('/', [OBJECT_MANAGER, 'InterfacesRemoved'], 'oas', [path, [iface]]);
    },
    get: (path, iface, property) => objects.get(path)?.get(iface)?.properties.get(property)?.[1],
    object: (path) => objects.get(path),
    children(path) {
      const start = path === '/' ? '/' : `${path}/`;
      const below = ['/org/bluez', ...objects.keys()].filter((other) => other.startsWith(start));
      return [...new Set(below.map((other) => other.slice(start.length).split('/')[0] ?? ''))].filter(
        Boolean,
      );
    },
    managed() {
      const told = [...objects].filter(([path]) => path !== '/');
      return Object.fromEntries(told.map(([path, object]) => [path, shown(path, object.keys())]));
    },
    size: () => objects.size,
    flush,
    silence() {
      isSilent = true;
    },
    clear() {
      isSilent = false;
      objects.clear();
      pending.clear();
    },
  };
}

/** Whether an interface's property may be set. */
export function isWritable(iface: string, property: string): boolean {
  return INTERFACES[iface]?.properties[property]?.[1] === 'readwrite';
}
