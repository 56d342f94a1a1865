import type { Message } from '../../devices/device.ts';
import type { Db } from '../../gateway/database.ts';
import { acknowledgements } from '../../gateway/inputs/acknowledgements.ts';
import type { DeviceCommand } from '../../gateway/pipeline/outcome.ts';
import type { ClientEnd, Session } from './network.ts';
import type { Run } from './run.ts';
import type { World } from './world.ts';

/** After CONNECT a device listens to its commands, ms. */
const SUBSCRIBES_AFTER = 100;

interface Client {
  device: string;
  end: ClientEnd;
  close(): void;
}

/** The shop's broker, as `inputs/mqtt-broker.ts` and `gateway.ts` have it, for one run of the box. */
export function shopBroker(world: World, run: Run, devices: readonly { id: string }[]) {
  const { road, isAlive } = run;
  const clients = new Map<string, Client>();

  function sendCommand({ device, command, payload }: DeviceCommand): void {
    world.left(`command ${device} ${command} ${JSON.stringify(payload)}`);
    for (const client of clients.values()) {
      if (client.device === device) client.end.command(command, JSON.stringify(payload));
    }
  }

  function take(message: Message, done: (refused?: Error) => void): void {
    const taken = ({ commands }: { commands: DeviceCommand[] }) => {
      commands.forEach(sendCommand);
      done();
    };
    run.enter(message, taken, () => done(new Error('refused')));
  }

  function connect({ device, id }: { device: string; id: string }, end: ClientEnd): Session | undefined {
    if (!devices.some((one) => one.id === device)) return undefined;
    // A second connection under one id ends the first (MQTT-3.1.4-2).
    clients.get(id)?.close();
    const acks = acknowledgements();
    const gone = () => {
      acks.close();
      if (clients.get(id) === client) clients.delete(id);
    };
    const close = () => {
      gone();
      end.lost();
    };
    const client: Client = { device, end, close };
    clients.set(id, client);
    world.time.after(SUBSCRIBES_AFTER, () => {
      if (!isAlive() || clients.get(id) !== client) return;
      road.pipeline.waitingFor(device, road.now()).forEach(sendCommand);
    });
    return { publish, gone };

    function publish(packet: number, topic: string, payload: string): void {
      if (!isAlive()) return;
      const octets = Buffer.from(payload);
      const message: Message = { kind: 'message', topic, device, payload: octets, at: road.now() };
      acks.add(
        octets.length,
        (settled) => take(message, settled),
        (refused) => {
          if (!isAlive()) return;
          if (refused) return close();
          checkOnDisk(run.db, device, payload, world);
          end.answered(packet);
        },
      );
    }
  }

  return {
    connect,
    /** The box is gone, and with it every connection. */
    end() {
      for (const { end } of clients.values()) end.lost();
      clients.clear();
    },
  };
}

/** P1: what is acknowledged is in a transaction that has ended. */
function checkOnDisk(db: Db, device: string, payload: string, world: World): void {
  const { boot, seq } = JSON.parse(payload) as { boot: string; seq: number };
  if (db.inTransaction) world.broken(`${device}/${boot}/${seq} is acknowledged inside a transaction`);
  if (!device.startsWith('button')) return;
  const row = db
    .prepare<[string], { value: string }>("SELECT value FROM state WHERE kind = 'seen' AND key = ?")
    .get(`${device}/${boot}`);
  const { seqs } = JSON.parse(row?.value ?? '{"seqs":[]}') as { seqs: number[] };
  if (!seqs.includes(seq)) world.broken(`${device}/${boot}/${seq} is acknowledged and not on disk`);
}
