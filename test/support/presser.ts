import { connect } from 'node:net';
import { generate, type Packet, parser } from 'mqtt-packet';
import { connectPacket, octets, publish } from './raw-mqtt.ts';

/** A button of bytes that keeps its promises: what was not acknowledged it sends again, under the same `seq`. */
export interface Presser {
  id: string;
  /** `seq` of everything that was ever sent, and of what was acknowledged. */
  sent: Set<number>;
  acknowledged: Set<number>;
  /**
   * Connects and presses, so many in flight at a time, until `isOver` or the connection is lost. With
   * `isOver` true from the start it only sends again what was not acknowledged, and waits for that.
   */
  press(port: number, isOver: () => boolean): Promise<void>;
}

/** Fewer than the 64 `seq` that the gateway remembers of a session. */
const IN_FLIGHT = 24;

export function presser(id: string, secret: string, qos: 1 | 2 = 1): Presser {
  const sent = new Set<number>();
  const acknowledged = new Set<number>();
  let last = 0;

  const packet = (seq: number): Packet =>
    publish(
      `devices/${id}/pressed`,
      { button: 1, press: 'press', boot: 'b1', seq },
      { messageId: seq, qos, dup: sent.has(seq) },
    );

  function press(port: number, isOver: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      const open = new Set<number>();
      const fill = () => {
        while (!isOver() && open.size < IN_FLIGHT) {
          last += 1;
          transmit(last);
        }
        if (isOver() && open.size === 0) socket.destroy();
      };
      function transmit(seq: number): void {
        socket.write(octets(packet(seq)));
        sent.add(seq);
        open.add(seq);
      }
      function heard(answer: Packet): void {
        if (answer.cmd === 'connack') {
          if (answer.returnCode !== 0) socket.destroy(new Error(`CONNACK ${answer.returnCode}`));
          for (const seq of sent) if (!acknowledged.has(seq)) transmit(seq);
        } else if (answer.cmd === 'puback' || answer.cmd === 'pubrec') {
          // PUBREC too: from here on the message is the broker's (MQTT-4.3.3).
          const seq = answer.messageId as number;
          acknowledged.add(seq);
          open.delete(seq);
          if (answer.cmd === 'pubrec') socket.write(generate({ cmd: 'pubrel', messageId: seq }));
        }
        fill();
      }
      const parsing = parser({ protocolVersion: 4 });
      parsing.on('packet', heard);
      socket.on('data', (chunk) => parsing.parse(chunk));
      socket.on('error', () => {});
      socket.on('close', () => resolve());
      socket.write(octets(connectPacket(id, { password: Buffer.from(secret), clean: qos === 1 })));
    });
  }

  return { id, sent, acknowledged, press };
}

/** Presses until so many more are acknowledged, or the connection is lost. */
export function pressMore(button: Presser, port: number, count: number): Promise<void> {
  const enough = button.acknowledged.size + count;
  return button.press(port, () => button.acknowledged.size >= enough);
}
