/** A device publishes under its own name and reads its own commands, nothing else (S6, S7). */

/** Octets of a topic, and levels. */
const MAX_TOPIC = 256;
const MAX_LEVELS = 6;

/** True where `device` may publish to `topic`. Wildcards never reach here (MQTT-3.3.2-2). */
export function mayPublish(device: string, topic: string): boolean {
  if (topic.length > MAX_TOPIC || topic.includes('\0')) return false;
  const levels = topic.split('/');
  if (levels.length < 3 || levels.length > MAX_LEVELS) return false;
  // What the gateway says to the device is not for the device to say.
  return levels[0] === 'devices' && levels[1] === device && levels[2] !== 'commands';
}

/** True where every topic that `filter` matches is a command to `device`. */
export function maySubscribe(device: string, filter: string): boolean {
  if (filter.length > MAX_TOPIC) return false;
  const [first, name, commands, ...rest] = filter.split('/');
  return first === 'devices' && name === device && commands === 'commands' && rest.length === 1;
}

/** True where a message to `topic` may be kept for later subscribers: a device's state alone (S8). */
export function mayRetain(device: string, topic: string): boolean {
  return topic === `devices/${device}/state`;
}

/** True where `clientId` belongs to the device: the same, or `<device>-<anything>` where many share one entry. */
export function mayUseClientId(device: string, clientId: string, shared: boolean): boolean {
  return clientId === device || (shared && clientId.startsWith(`${device}-`) && clientId.length <= 128);
}
