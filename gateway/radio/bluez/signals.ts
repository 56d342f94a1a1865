import type { Message } from 'dbus-next';
import type { BluezSignal, Properties } from './bus.ts';

/** A variant as dbus-next gives it. */
interface Boxed {
  value: unknown;
}

const PROPERTIES = 'org.freedesktop.DBus.Properties';
const OBJECT_MANAGER = 'org.freedesktop.DBus.ObjectManager';

/** The rules that carry all signals that we use; the first alone carries every advertisement of a known device. */
export const MATCH_RULES = [
  `type='signal',sender='org.bluez',interface='${PROPERTIES}',member='PropertiesChanged',path_namespace='/org/bluez'`,
  `type='signal',sender='org.bluez',interface='${OBJECT_MANAGER}',path='/'`,
  "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.bluez'",
];

/** What a signal of org.bluez says; nothing for another one. dbus-next has checked the types of the body. */
export function readSignal({ interface: name, member, path, body }: Message): BluezSignal | undefined {
  if (name === PROPERTIES && member === 'PropertiesChanged') {
    const [of, changed, invalidated] = body as [string, Record<string, Boxed>, string[]];
    return { kind: 'changed', path, interface: of, changed: unboxed(changed), invalidated };
  }
  if (name !== OBJECT_MANAGER) return undefined;
  const [object, said] = body as [string, unknown];
  if (member === 'InterfacesAdded') {
    return {
      kind: 'added',
      path: object,
      interfaces: interfaces(said as Record<string, Record<string, Boxed>>),
    };
  }
  if (member === 'InterfacesRemoved') return { kind: 'removed', path: object, interfaces: said as string[] };
  return undefined;
}

/** The new owner of org.bluez where the message is about that ('' for none). */
export function readOwner({ sender, member, body }: Message): string | undefined {
  const [name, , owner] = body;
  if (sender !== 'org.freedesktop.DBus' || member !== 'NameOwnerChanged' || name !== 'org.bluez')
    return undefined;
  return String(owner);
}

export function interfaces(boxed: Record<string, Record<string, Boxed>>): Record<string, Properties> {
  return Object.fromEntries(Object.entries(boxed).map(([name, of]) => [name, unboxed(of)]));
}

function unboxed(boxed: Record<string, Boxed>): Properties {
  const properties: Properties = {};
  for (const name of Object.keys(boxed)) properties[name] = boxed[name]?.value;
  return properties;
}

type Listener = (signal: BluezSignal) => void;

/** Hands signals to those who asked for them, by object: one look-up a signal, however many objects there are. */
export interface SignalFan {
  onSignal(listener: Listener): () => void;
  onObject(path: string, listener: Listener): () => void;
  hand(signal: BluezSignal): void;
  listeners(): number;
}

export function signalFan(): SignalFan {
  const all = new Set<Listener>();
  const byObject = new Map<string, Set<Listener>>();
  return {
    onSignal(listener) {
      all.add(listener);
      return () => void all.delete(listener);
    },
    onObject(path, listener) {
      const listeners = byObject.get(path) ?? new Set();
      byObject.set(path, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && byObject.get(path) === listeners) byObject.delete(path);
      };
    },
    hand(signal) {
      for (const listener of all) listener(signal);
      for (const listener of byObject.get(objectOf(signal.path)) ?? []) listener(signal);
    },
    listeners: () => [...byObject.values()].reduce((sum, { size }) => sum + size, all.size),
  };
}

/** `/org/bluez/hci0/dev_…` of itself and of all below it; an adapter's path stays as it is. */
function objectOf(path: string): string {
  let end = 0;
  for (let slashes = 0; slashes < 5; slashes += 1) {
    const next = path.indexOf('/', end);
    if (next < 0) return path;
    end = next + 1;
  }
  return path.slice(0, end - 1);
}
