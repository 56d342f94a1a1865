/** A device publishes under its own name and reads its own commands, nothing else (S6, S7). */

/** Characters of a topic, and levels. */
const MAX_TOPIC = 256;
const MAX_LEVELS = 6;
/** Characters of a client id. */
const MAX_CLIENT_ID = 128;

/** True where `device` may publish to `topic`. Wildcards never reach here (MQTT-3.3.2-2). */
export function mayPublish(device: string, topic: string): boolean {
  if (topic.length > MAX_TOPIC) return false;
  const [first, name, ...rest] = topic.split('/');
  if (rest.length < 1 || rest.length > MAX_LEVELS - 2 || !rest.every(isPlain)) return false;
  // What the gateway says to the device is not for the device to say.
  return first === 'devices' && name === device && rest[0] !== 'commands';
}

/** A level that is a name: MQTT gives `..` no meaning, but others who read the topic might. */
function isPlain(level: string): boolean {
  return level !== '' && level !== '.' && level !== '..' && !/\p{Cc}/u.test(level);
}

/** True where every topic that `filter` matches is a command to `device`. */
export function maySubscribe(device: string, filter: string): boolean {
  if (filter.length > MAX_TOPIC) return false;
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
