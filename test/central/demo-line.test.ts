import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { openLine } from '../../firmware-sim/demo/line.ts';
import { connectPacket, rawClient } from '../support/raw-mqtt.ts';
import { until } from '../support/until.ts';

it("the demo's line, when it is cut, lets the MQTT way down pass and swallows the way up", async () => {
  const heard: string[] = [];
  const broker = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => heard.push(chunk.toString('latin1')));
  });
  broker.listen(0, '127.0.0.1');
  await once(broker, 'listening');
  const line = await openLine((broker.address() as AddressInfo).port);
  onTestFinished(async () => {
    await line.close();
    broker.close();
  });
  line.cut();
  // Longer than 127 octets: the length takes two.
  const password = Buffer.from('-down'.repeat(30));
  const [up, down] = await Promise.all([rawClient(line.port), rawClient(line.port)]);
  up.send(connectPacket('aisle-s1.g1-up', { password }));
  down.send(connectPacket('aisle-s1.g1-down', { password }));
  await until(() => heard.length > 0, 'the way down');
  expect(heard.join()).toContain('aisle-s1.g1-down');
  expect(heard.join()).not.toContain('aisle-s1.g1-up');
  line.mend();
  await up.closed();
  expect(down.isClosed()).toBe(false);
});
