import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Order } from '../bluez/orders.ts';
import { program } from '../demo/programs.ts';
import { gattThermostat } from './floor-plan.ts';
import type { Opening } from './messages.ts';
import type { Transmission } from './radios.ts';

/** The BlueZ of the box, a process on a message bus of its own, in the air of this shop. */
export interface BoxBluez {
  hear(report: Pick<Transmission, 'address' | 'addressType' | 'data'> & { rssi: number }): void;
  close(): Promise<void>;
}

/** A process that reads so slowly loses reports, as a controller with its few buffers. */
const MAX_UNREAD_OCTETS = 1024 * 1024;

/** Starts it, with the GATT thermostat in the room. Throws where it does not start. */
export async function openBoxBluez({ bus, adapter }: NonNullable<Opening['bluez']>): Promise<BoxBluez> {
  const args = [...program('firmware-sim/bluez'), '--own-bus', bus, '--adapter', adapter];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit', 'ipc'] });
  const ended = once(child, 'exit');
  child.stdin?.on('error', () => {});
  const lines = child.stdout && createInterface({ input: child.stdout });
  const first = lines && (await Promise.race([once(lines, 'line'), ended]));
  const { ready, error } = typeof first?.[0] === 'string' ? JSON.parse(first[0]) : { error: 'it ended' };
  if (!ready) throw new Error(`the mock BlueZ: ${error}`);

  const say = (order: Order) => void child.stdin?.write(`${JSON.stringify(order)}\n`);
  const { address, model } = gattThermostat;
  say({ order: 'peripheral', address: address.toUpperCase(), model });
  return {
    hear({ address: from, addressType, rssi, data }) {
      if ((child.stdin?.writableLength ?? 0) > MAX_UNREAD_OCTETS) return;
      const hex = Buffer.from(data).toString('hex');
      say({ order: 'advertise', address: from.toUpperCase(), addressType, rssi, data: hex });
    },
    async close() {
      child.stdin?.end();
      await ended;
    },
  };
}
