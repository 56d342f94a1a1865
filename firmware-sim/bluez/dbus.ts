import { createRequire } from 'node:module';

type Dbus = typeof import('dbus-next', { with: { 'resolution-mode': 'require' }});

/** One build of dbus-next only: values of its other build are strangers to it (`instanceof`). */
const dbus: Dbus = createRequire(import.meta.url)('dbus-next');

export type Message = InstanceType<Dbus['Message']>;
export type MessageBus = InstanceType<Dbus['MessageBus']>;
export type Variant = InstanceType<Dbus['Variant']>;

/** A value with its D-Bus signature. */
export type Typed = readonly [signature: string, value: unknown];

export function variant([signature, value]: Typed): Variant {
  return new dbus.Variant(signature, value);
}

/** `a{sv}` of properties. */
export function variants(properties: Record<string, Typed>): Record<string, Variant> {
  return Object.fromEntries(Object.entries(properties).map(([name, typed]) => [name, variant(typed)]));
}

export function connectBus(busAddress: string): MessageBus {
  return dbus.sessionBus({ busAddress });
}

export function replyTo(call: Message, signature: string, body: unknown[]): Message {
  return dbus.Message.newMethodReturn(call, signature, body);
}

export function errorTo(call: Message, { name, text }: { name: string; text: string }): Message {
  return dbus.Message.newError(call, name, text);
}

export function signal(
  path: string,
  [iface, member]: [string, string],
  signature: string,
  body: unknown[],
): Message {
  return dbus.Message.newSignal(path, iface, member, signature, body);
}

const DAEMON = 'org.freedesktop.DBus';

/** Calls the bus itself. The body of its answer; throws its error. */
export function askBus(
  bus: MessageBus,
  member: string,
  ...args: [signature: string, ...body: unknown[]] | []
) {
  return ask(bus, DAEMON, member, args);
}

/** The match rules of each connection, how many; none where the daemon was built without its statistics. */
export async function matchRules(bus: MessageBus): Promise<Record<string, number>> {
  const [rules] = await ask(bus, `${DAEMON}.Debug.Stats`, 'GetAllMatchRules', []).catch(() => [{}]);
  const lists = Object.entries(rules as Record<string, string[]>);
  return Object.fromEntries(lists.map(([name, list]) => [name, list.length]));
}

async function ask(bus: MessageBus, iface: string, member: string, args: readonly unknown[]) {
  const [signature = '', ...body] = args;
  const call = { destination: DAEMON, path: '/org/freedesktop/DBus', interface: iface, member };
  const answer = await bus.call(new dbus.Message({ ...call, signature: String(signature), body }));
  return answer?.body ?? [];
}
