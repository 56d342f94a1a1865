import { type HciController, hciController } from '../hci-controller.ts';
import { type Air, distance } from './air.ts';
import { openBoxBluez } from './box-bluez.ts';
import { boxRadio, type Place, receivers } from './floor-plan.ts';
import type { Opening } from './messages.ts';

/** Something on the air, from a place. */
export interface Transmission {
  /** Names the transmitter to the air. */
  from: string;
  at: Place;
  address: string;
  addressType: 'public' | 'random';
  data: Uint8Array;
  /** dBm at 1 m. */
  atOneMetre: number;
}

export interface Radios {
  /** Reaches every receiver that the air lets it reach. */
  transmit(transmission: Transmission): void;
  close(): Promise<void>;
}

/** What hears the air at a place. */
interface Ear {
  id: string;
  at: Place;
  hear(report: Parameters<HciController['advertise']>[0]): void;
  close(): Promise<void>;
}

/**
 * The Bluetooth controllers of the shop's receivers, each at its TCP port, and the box's BlueZ, in one air.
 */
export async function openRadios(
  { controllers: ports, bluez }: Pick<Opening, 'controllers' | 'bluez'>,
  air: Air,
  now: () => number,
): Promise<Radios> {
  const ears: Ear[] = [];
  const box = bluez && (await openBoxBluez(bluez));
  for (const [i, { id, at }] of receivers.entries()) {
    if (id === boxRadio.id && bluez?.hears) continue;
    const port = ports[id];
    if (port === undefined) throw new Error(`no port for the controller of ${id}`);
    const address = `c0:ff:ee:00:00:0${i + 1}`;
    const controller = await hciController({ port, address });
    ears.push({ id, at, hear: controller.advertise, close: controller.close });
  }
  if (box) ears.push({ id: boxRadio.id, at: boxRadio.at, ...box, hear: bluez?.hears ? box.hear : () => {} });
  return {
    transmit({ from, at, address, addressType, data, atOneMetre }) {
      for (const { id, at: place, hear } of ears) {
        const rssi = air.arrives({ from, to: id, metres: distance(at, place), atOneMetre, at: now() });
        if (rssi !== undefined) hear({ address, addressType, rssi, data });
      }
    },
    async close() {
      await Promise.all(ears.map(({ close }) => close()));
    },
  };
}
