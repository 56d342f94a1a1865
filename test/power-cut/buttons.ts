import type { Socket } from 'node:net';
import { connectAsync } from 'mqtt';

/** A smart button behind MQTT.js: somebody else's idea of what an acknowledgement is. */
export interface Button {
  /** Presses so many times, so many in flight, and waits until each was acknowledged. */
  press(times: number): Promise<void>;
  leave(): Promise<void>;
}

/** `<device>/<boot>/<seq>` by the port a message was sent from and its packet id. */
export type Sent = Map<string, string>;

const IN_FLIGHT = 4;

export async function button(
  device: { id: string; secret: string; boot: string; qos: 1 | 2 },
  { port, sent }: { port: number; sent: Sent },
): Promise<Button> {
  const { id, secret, boot, qos } = device;
  const client = await connectAsync({
    ...{ host: '127.0.0.1', port, protocolVersion: 4, reconnectPeriod: 0 },
    ...{ clientId: id, username: id, password: secret },
  });
  const { localPort } = client.stream as unknown as Socket;
  client.on('packetsend', (packet) => {
    if (packet.cmd !== 'publish') return;
    const { seq } = JSON.parse(String(packet.payload)) as { seq: number };
    sent.set(`${localPort} ${packet.messageId}`, `${id}/${boot}/${seq}`);
  });
  let seq = 0;
  async function pressEach(from: { left: number }): Promise<void> {
    while (from.left > 0) {
      from.left -= 1;
      seq += 1;
      const payload = JSON.stringify({ button: 1, press: 'press', boot, seq });
      await client.publishAsync(`devices/${id}/pressed`, payload, { qos });
    }
  }
  return {
    async press(times) {
      const shared = { left: times };
      await Promise.all(Array.from({ length: IN_FLIGHT }, () => pressEach(shared)));
    },
    leave: () => client.endAsync(true),
  };
}
