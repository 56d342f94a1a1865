import { type HciController, hciController } from '../hci-controller.ts';
import { type Air, distance } from './air.ts';
import { type Place, receivers } from './floor-plan.ts';

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

/** The Bluetooth controllers of the shop's receivers, each at its TCP port, in one air. */
export async function openRadios(
  ports: Record<string, number>,
  air: Air,
  now: () => number,
): Promise<Radios> {
  const heardBy: { id: string; at: Place; controller: HciController }[] = [];
  for (const [i, { id, at }] of receivers.entries()) {
    const port = ports[id];
    if (port === undefined) throw new Error(`no port for the controller of ${id}`);
    const address = `c0:ff:ee:00:00:0${i + 1}`;
    heardBy.push({ id, at, controller: await hciController({ port, address }) });
  }
  return {
    transmit({ from, at, address, addressType, data, atOneMetre }) {
      for (const { id, at: place, controller } of heardBy) {
        const rssi = air.arrives({ from, to: id, metres: distance(at, place), atOneMetre, at: now() });
        if (rssi !== undefined) controller.advertise({ address, addressType, rssi, data });
      }
    },
    async close() {
      await Promise.all(heardBy.map(({ controller }) => controller.close()));
    },
  };
}
