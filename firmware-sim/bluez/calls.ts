import { errorTo, type Message, type MessageBus, replyTo, variant, variants } from './dbus.ts';
import { BusError, errors } from './errors.ts';
import type { Faults } from './faults.ts';
import { INTERFACES, INTROSPECTABLE, OBJECT_MANAGER, PROPERTIES } from './interfaces.ts';
import { introspection } from './introspect.ts';
import { type Interface, isWritable, type Tree } from './tree.ts';

/**
 * Takes every method call of the bus: counts it, meets it with the faults that were ordered, lets the
 * object answer, and sends what waits in the tree before the reply, as gdbus does.
 */
export function takeCalls(parts: {
  bus: MessageBus;
  tree: Tree;
  faults: Faults;
  count(member: string): void;
}): void {
  const { bus, tree, faults, count } = parts;
  bus.addMethodHandler((call: Message) => {
    count(call.member);
    answer(call).catch((error: unknown) => {
      tree.flush();
      bus.send(errorTo(call, asBusError(error)));
    });
    return true;
  });

  async function answer(call: Message): Promise<void> {
    if (faults.meet(call.member)) return;
    const body = await carryOut(tree, call);
    const gives = INTERFACES[call.interface]?.methods[call.member]?.[1] ?? '';
    tree.flush();
    bus.send(replyTo(call, gives, [...(body ?? [])]));
  }
}

/** Answers nothing ever: for a method that hangs. */
export const never = new Promise<never>(() => {});

function asBusError(error: unknown): BusError {
  if (error instanceof BusError) return error;
  return errors.failed(error instanceof Error ? error.message : String(error));
}

async function carryOut(tree: Tree, call: Message) {
  const { path, interface: iface, member, body, sender } = call;
  const signature = call.signature ?? '';
  const object = tree.object(path);
  if (member === 'Introspect' && iface === INTROSPECTABLE) return [introspect(tree, path)];
  if (!object) throw errors.unknownObject(member, signature, iface);
  if (iface === 'org.freedesktop.DBus.Peer') return [];
  if (iface === OBJECT_MANAGER && path === '/') return [tree.managed()];
  if (iface === PROPERTIES) return properties(object, member, body);
  const method = object.get(iface)?.methods[member];
  if (!method) throw errors.unknownMethod(member, signature, iface);
  if (INTERFACES[iface]?.methods[member]?.[0] !== signature)
    throw errors.unknownMethod(member, signature, iface);
  return method(body, sender);
}

function introspect(tree: Tree, path: string): string {
  const object = tree.object(path);
  const children = tree.children(path);
  if (!object && children.length === 0) throw errors.unknownObject('Introspect', '', INTROSPECTABLE);
  const own = object ? [INTROSPECTABLE, path === '/' ? OBJECT_MANAGER : PROPERTIES] : [];
  return introspection(
    [...own, ...[...(object?.keys() ?? [])].filter((name) => !own.includes(name))],
    children,
  );
}

function properties(object: ReadonlyMap<string, Interface>, member: string, body: readonly unknown[]) {
  const [name, property] = body.map(String);
  const iface = object.get(name ?? '');
  if (!iface) throw errors.noInterface(name ?? '');
  if (member === 'GetAll') return [variants(Object.fromEntries(iface.properties))];
  const typed = iface.properties.get(property ?? '');
  if (member === 'Get') {
    if (!typed) throw errors.noProperty(property ?? '');
    return [variant(typed)];
  }
  return set(iface, { name: name ?? '', property: property ?? '' }, body[2]);
}

function set(
  iface: Interface,
  { name, property }: { name: string; property: string },
  wanted: unknown,
): undefined {
  const signature = INTERFACES[name]?.properties[property]?.[0];
  if (!signature) throw errors.unknownProperty(property);
  if (!isWritable(name, property)) throw errors.readOnly(property);
  const { signature: given, value } = wanted as { signature: string; value: unknown };
  if (given !== signature) throw errors.invalidSignature(property);
  iface.setters[property]?.(value);
}
