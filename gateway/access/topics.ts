/**
 * A device publishes under its own name and reads its own commands, nothing else (S6, S7). A maker's bridge
 * speaks under topics of its own: those of its filters, and nothing else.
 */

/** Characters of a topic, and levels. */
const MAX_TOPIC = 256;
const MAX_LEVELS = 6;
const MAX_BRIDGE_LEVELS = 10;
/** Characters of a client id. */
const MAX_CLIENT_ID = 128;

/** Topics that are the shop's own: no bridge speaks there. */
const RESERVED: readonly string[] = ['devices', 'context', 'staff', 'stores'];

/** Where a maker's bridge may speak and listen; all are MQTT filters (MQTT 3.1.1 §4.7.1). */
export interface BridgeTopics {
  /** What is taken from it. */
  filters: readonly string[];
  /** What its firmware says beside that, of itself: acknowledged and let go. */
  asides: readonly string[];
  /** Where it listens for its own orders. */
  commands: readonly string[];
}

/** True where `device` may publish to `topic`. Wildcards never reach here (MQTT-3.3.2-2). */
export function mayPublish(device: string, topic: string, bridge?: BridgeTopics): boolean {
  if (topic.length > MAX_TOPIC) return false;
  if (bridge) return isOf(bridge.filters, topic) && mayBridgeSay(bridge, topic);
  const [first, name, ...rest] = topic.split('/');
  if (rest.length < 1 || rest.length > MAX_LEVELS - 2 || !rest.every(isPlain)) return false;
  // What the gateway says to the device is not for the device to say.
  return first === 'devices' && name === device && rest[0] !== 'commands';
}

/** True where a bridge's firmware says it unasked, and nobody needs it. */
export function isAside(topic: string, bridge: BridgeTopics | undefined): boolean {
  if (!bridge || topic.length > MAX_TOPIC) return false;
  return isOf(bridge.asides, topic) && mayBridgeSay(bridge, topic);
}

function mayBridgeSay({ commands }: BridgeTopics, topic: string): boolean {
  const levels = topic.split('/');
  return levels.length <= MAX_BRIDGE_LEVELS && levels.every(isPlain) && !isOf(commands, topic);
}

function isOf(filters: readonly string[], topic: string): boolean {
  return filters.some((filter) => matches(filter, topic));
}

/** True where `filter` matches `topic`, MQTT 3.1.1 §4.7.1. */
export function matches(filter: string, topic: string): boolean {
  return covers(filter, topic);
}

/** True where every topic that `inner` matches is one that `outer` matches. A topic is a filter too. */
function covers(outer: string, inner: string): boolean {
  const wanted = inner.split('/');
  const levels = outer.split('/');
  for (const [i, level] of levels.entries()) {
    // MQTT-4.7.1-2: the level above it, too.
    if (level === '#') return true;
    if (i >= wanted.length) return false;
    if (level === '+' ? wanted[i] === '#' : level !== wanted[i]) return false;
    if (i === wanted.length - 1 && levels[i + 1] === '#') return true;
  }
  return levels.length === wanted.length;
}

/** True where one topic can match both filters. */
export function overlap(a: string, b: string): boolean {
  const [one, other] = [a.split('/'), b.split('/')];
  for (let i = 0; i < Math.max(one.length, other.length); i += 1) {
    const [x, y] = [one[i], other[i]];
    if (x === '#' || y === '#') return true;
    if (x === undefined || y === undefined) return false;
    if (x !== y && x !== '+' && y !== '+') return false;
  }
  return true;
}

/** What is wrong with a filter of a bridge, as a sentence's end; nothing where it can be used. */
export function whyNotBridgeFilter(filter: string): string | undefined {
  const levels = filter.split('/');
  const [first = ''] = levels;
  const isWild = (level: string) => level.includes('+') || level.includes('#');
  const isLevel = (level: string, i: number) =>
    level === '+' || (level === '#' && i === levels.length - 1) || (isPlain(level) && !isWild(level));
  if (filter.length > MAX_TOPIC || levels.length > MAX_BRIDGE_LEVELS || !levels.every(isLevel)) {
    return 'must be a filter such as home/OpenMQTTGateway/BTtoMQTT/#: + for one level, # for all further ones';
  }
  if (isWild(first)) return 'must begin with a name: a wildcard there would take what is not the bridge’s';
  if (RESERVED.includes(first) || first.startsWith('$')) {
    return `must not begin with "${first}", which is the shop’s own`;
  }
  return undefined;
}

/** A level that is a name: MQTT gives `..` no meaning, but others who read the topic might. */
function isPlain(level: string): boolean {
  return level !== '' && level !== '.' && level !== '..' && !/\p{Cc}/u.test(level);
}

/** True where every topic that `filter` matches is a command to `device`. */
export function maySubscribe(device: string, filter: string, bridge?: BridgeTopics): boolean {
  if (filter.length > MAX_TOPIC) return false;
  if (bridge?.commands.some((own) => covers(own, filter))) return true;
  const [first, name, commands, ...rest] = filter.split('/');
  return first === 'devices' && name === device && commands === 'commands' && rest.length === 1;
}

/** True where `topic` is a command to `device`: all that the broker hands out to it. */
export function isCommandTo(device: string, topic: string): boolean {
  return topic.startsWith(`devices/${device}/commands/`);
}

/** True where a message to `topic` may be kept for later subscribers: a device's state alone (S8). */
export function mayRetain(device: string, topic: string): boolean {
  return topic === `devices/${device}/state`;
}

/** True where `clientId` belongs to the device: the same, or `<device>-<anything>` where many share one entry. */
export function mayUseClientId(device: string, clientId: string, shared: boolean): boolean {
  if (clientId === device) return true;
  return shared && clientId.startsWith(`${device}-`) && clientId.length <= MAX_CLIENT_ID;
}
