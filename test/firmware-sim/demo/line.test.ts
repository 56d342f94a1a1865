import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openLine } from '../../../firmware-sim/demo/line.ts';
import { connectPacket, rawClient } from '../../support/raw-mqtt.ts';
import { until } from '../../support/until.ts';

/** A store that notes what it is asked, and a line to it. */
async function lineToStore() {
  const asked: string[] = [];
  const store: Server = createServer((request, response) => {
    request.on('data', () => {});
    request.on('end', () => {
      asked.push(`${request.method} ${request.url}`);
      response.end('{}');
    });
  });
  await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve));
  const bound = store.address();
  const line = await openLine(typeof bound === 'object' && bound ? bound.port : 0);
  onTestFinished(async () => {
    await line.close();
    store.closeAllConnections();
    store.close();
  });
  const url = `http://127.0.0.1:${line.port}`;
  return {
    asked,
    line,
    send: () => fetch(`${url}/events`, { method: 'POST', body: '[]' }).then(({ status }) => status),
    ask: () => fetch(`${url}/downlink?after=0`).then(({ status }) => status),
  };
}

describe('the line', () => {
  it('passes everything on while it is whole', async () => {
    const { send, ask, asked } = await lineToStore();
    expect([await send(), await ask()]).toEqual([200, 200]);
    expect(asked).toEqual(['POST /events', 'GET /downlink?after=0']);
  });

  it('swallows what goes up while it is cut, lets messages down, and resets what hung when it is mended', async () => {
    const { send, ask, asked, line } = await lineToStore();
    await send();
    line.cut();
    let failed = false;
    const hanging = send().catch(() => {
      failed = true;
    });
    expect(await ask()).toBe(200);
    expect(asked).toEqual(['POST /events', 'GET /downlink?after=0']);
    expect(failed).toBe(false);
    line.mend();
    await hanging;
    expect(failed).toBe(true);
    expect(await send()).toBe(200);
    await until(() => asked.length === 3, 'the event sent after the mending');
  });

  it('lets the MQTT way down pass and swallows the way up while it is cut', async () => {
    const heard: string[] = [];
    const broker = createTcpServer((socket) => {
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
});
