import {
  flagsStructure,
  serviceDataStructure,
  writeAdvertisingData,
} from '../../devices/wire/advertising-data.ts';
import { BTHOME, type BthomeObject, writeBthome } from '../../devices/wire/bthome.ts';

/** Firmware of a button. */
export interface Button {
  press(): void;
}

/** Tells a press over MQTT, where it is acknowledged. */
export function mqttButton(send: (name: 'pressed', fields: object) => void): Button {
  return { press: () => send('pressed', { button: 1, press: 'press' }) };
}

/** Object ids, bthome.io/format. */
const PACKET_ID = 0x00;
const BATTERY = 0x01;
const BUTTON = 0x3a;
/** A press is sent so often, so far apart (ms), since nobody answers. */
const REPEATS = 6;
const APART_MS = 90;

export interface BthomeButtonOptions {
  /** `aa:bb:cc:dd:ee:ff` */
  address: string;
  /** The bind key, 16 octets; without one it speaks plainly. */
  key?: Uint8Array;
  batteryPct: number;
  transmit(advertisement: { address: string; data: Uint8Array }): void;
  later(ms: number, then: () => void): void;
}

/** Tells a press in BTHome v2 frames, plain with a packet id or sealed with a counter. */
export function bthomeButton(options: BthomeButtonOptions): Button {
  const { address, key, batteryPct, transmit, later } = options;
  let presses = 0;

  function frame(): Uint8Array {
    presses += 1;
    const objects: BthomeObject[] = [
      { id: PACKET_ID, value: presses % 256 },
      { id: BATTERY, value: batteryPct },
      { id: BUTTON, value: 'press' },
    ];
    const encryption = key && { key, address, counter: presses };
    const data = writeBthome({ objects, triggerBased: true, ...(encryption && { encryption }) });
    return writeAdvertisingData([flagsStructure(), serviceDataStructure(BTHOME, data)]);
  }

  return {
    press() {
      const data = frame();
      for (let i = 0; i < REPEATS; i += 1) later(i * APART_MS, () => transmit({ address, data }));
    },
  };
}
