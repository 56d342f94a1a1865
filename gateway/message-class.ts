import type { Class, Message } from '../devices/device.ts';
import { messageName, type ShopDevice } from './pipeline/decode.ts';

/** A press of a button that has one of these is about consent, of class A as the events that it makes. */
const CONSENT_INTENTS = new Set(['consent-grant', 'consent-withdraw']);

/**
 * The class of a message: the highest of the events that it can make (contract, Topics), known before anything
 * is read of it. Nothing for one that says nothing: it is acknowledged and dropped, whatever there is room for.
 */
export function messageClasses(devices: readonly ShopDevice[]): (message: Message) => Class | undefined {
  const byId = new Map(devices.map((device) => [device.id, device]));
  return ({ device: id, topic }) => {
    const device = byId.get(id);
    if (!device) return undefined;
    if (device.bridge) return 'B';
    const name = messageName(device, topic);
    if (name === 'state') return 'C';
    // `command.completed`
    if (name.startsWith('replies/')) return 'B';
    return isAboutConsent(device, name) ? 'A' : device.type.messages[name]?.class;
  };
}

function isAboutConsent({ intents = {} }: ShopDevice, name: string): boolean {
  return name === 'pressed' && Object.values(intents).some((intent) => CONSENT_INTENTS.has(intent));
}
