import { type CharacteristicId, isSame } from '../../../devices/gatt/profile.ts';
import type { GattLink } from '../gatt/peer.ts';
import type { BusSession } from './bus.ts';
import { hangUp, type ListedCharacteristic, release } from './device.ts';
import type { LinkWatch } from './link-watch.ts';
import type { BleCharacteristic, BleDevice } from './load-gatt.ts';

export interface BluezLink extends GattLink {
  /** bluetoothd is gone, and the link with it. */
  lost(why: Error): void;
}

interface Asked {
  listed: ListedCharacteristic;
  characteristic: BleCharacteristic;
}

/** ATT gives a transaction up after 30 s, Core Spec vol 3 F §3.3.3. */
const ATT_MS = 30_000;
/** Insufficient authentication or encryption, Core Spec vol 3 F §3.4.1.1: an eQ-3 from firmware 1.46 on. */
const UNPAIRED = /ATT error: 0x(05|0f)|not paired/i;

/** A link that is up: node-ble's characteristics for its calls, its end by our own watch. */
export function bluezLink(
  session: BusSession,
  device: BleDevice,
  watch: LinkWatch,
  characteristics: readonly ListedCharacteristic[],
  make: (listed: ListedCharacteristic) => BleCharacteristic,
): BluezLink {
  const held = new Map<ListedCharacteristic, BleCharacteristic>();
  const subscribed = new Set<BleCharacteristic>();
  let tellDrop: ((why: Error) => void) | undefined;
  let over: Error | undefined;

  function lost(why: Error): void {
    if (over) return;
    over = why;
    watch.stop();
    letGo();
    release(session, device);
    tellDrop?.(why);
  }

  function letGo(): void {
    for (const characteristic of held.values()) release(session, characteristic);
    held.clear();
  }

  /** Calls node-ble; a call that the link's end overtakes puts listeners on again, and they are taken off again. */
  async function ask<T>(what: string, id: CharacteristicId, call: (of: Asked) => Promise<T>): Promise<T> {
    const listed = characteristics.find((one) => isSame(one, id));
    if (over || !listed) throw over ?? new Error(`there is no characteristic ${id.characteristic}`);
    const characteristic = held.get(listed) ?? make(listed);
    held.set(listed, characteristic);
    const work = call({ listed, characteristic });
    const tidy = () => {
      if (over) release(session, characteristic);
    };
    work.then(tidy, tidy);
    return session.within(what, work, ATT_MS).catch(({ message }: Error) => {
      throw new Error(UNPAIRED.test(message) ? `${message}: pair it once, with bluetoothctl` : message);
    });
  }

  void watch.downed.then(() => lost(new Error('the link was lost')));
  return {
    characteristics,
    lost,
    read: (from) => ask('reading', from, ({ characteristic }) => characteristic.readValue()),
    write(to, bytes) {
      const value = Buffer.from(bytes);
      return ask('writing', to, ({ listed, characteristic }) =>
        listed.properties.includes('write')
          ? characteristic.writeValueWithResponse(value)
          : characteristic.writeValueWithoutResponse(value),
      );
    },
    async subscribe(to, onValue) {
      // bluetoothd takes the subscription of a link before for this one, and may have failed to renew it.
      await ask('unsubscribing', to, ({ characteristic }) => characteristic.stopNotifications()).catch(
        () => {},
      );
      await ask('subscribing', to, ({ characteristic }) => {
        subscribed.add(characteristic);
        characteristic.on('valuechanged', (bytes) => {
          if (!over) onValue(bytes);
        });
        return characteristic.startNotifications();
      });
    },
    onDrop(dropped) {
      tellDrop = dropped;
      if (over) dropped(over);
    },
    async close() {
      if (over) return;
      over = new Error('the link is closed');
      for (const characteristic of subscribed) {
        await session.within('unsubscribing', characteristic.stopNotifications()).catch(() => {});
      }
      letGo();
      await hangUp(session, device, watch);
    },
  };
}
