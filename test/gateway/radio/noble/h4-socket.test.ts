import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { hciController } from '../../../../firmware-sim/hci-controller.ts';
import { h4Socket } from '../../../../gateway/radio/noble/h4-socket.ts';
import { until } from '../../../support/until.ts';
import { CAPTURED } from '../captured-frames.ts';

type Finish = (end: () => void | Promise<void>) => void;

function open(onTestFinished: Finish, port: number) {
  const told: (string | undefined)[] = [];
  const packets: string[] = [];
  const socket = h4Socket({ host: '127.0.0.1', port, onLink: (problem) => told.push(problem) });
  socket.on('data', (packet: Buffer) => packets.push(packet.toString('hex')));
  socket.start();
  onTestFinished(() => socket.stop());
  return { socket, told, packets };
}

/** A host's commands as a controller with its own pace sees them. */
async function slowController(onTestFinished: Finish) {
  const received: string[] = [];
  let host: Socket | undefined;
  const server = createServer((socket) => {
    host = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => received.push(chunk.toString('hex')));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    host?.destroy();
    server.close();
  });
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound ? bound.port : 0,
    received,
    send: (hex: string) => host?.write(Buffer.from(hex, 'hex')),
  };
}

const READ_VERSION = Buffer.from('01011000', 'hex');
const READ_ADDRESS = Buffer.from('01091000', 'hex');

describe('the HCI socket over TCP', () => {
  it('is up once the controller has answered a reset, and keeps that answer to itself', async ({
    onTestFinished,
  }) => {
    const controller = await slowController(onTestFinished);
    const { socket, told, packets } = open(onTestFinished, controller.port);
    await until(() => controller.received.length > 0, 'the reset');
    expect(controller.received).toEqual(['01030c00']);
    expect(socket.isDevUp()).toBe(false);
    controller.send('040e0401030c00');
    await until(() => told.length > 0, 'the link');
    expect(told).toEqual([undefined]);
    expect(socket.isDevUp()).toBe(true);
    controller.send(CAPTURED[0].hex);
    await until(() => packets.length > 0, 'a packet');
    expect(packets).toEqual([CAPTURED[0].hex.toLowerCase()]);
  });

  it('sends a command only when the controller has room for it', async ({ onTestFinished }) => {
    const controller = await slowController(onTestFinished);
    const { socket, told, packets } = open(onTestFinished, controller.port);
    await until(() => controller.received.length === 1, 'the reset');
    // Room for none: that comes with a later event (a Command Complete for no command).
    controller.send('040e0400030c00');
    await until(() => told.length > 0, 'the link');
    socket.write(READ_VERSION);
    socket.write(READ_ADDRESS);
    controller.send('040e03010000');
    await until(() => controller.received.length === 2, 'the first command');
    // Command Status: taken, no room yet.
    controller.send('040f0400000110');
    await until(() => packets.includes('040f0400000110'), 'the answer');
    expect(controller.received).toEqual(['01030c00', '01011000']);
    controller.send('040e03010000');
    await until(() => controller.received.length === 3, 'the second command');
    expect(controller.received[2]).toBe('01091000');
  });

  it('tells a loss even where it was over before anybody asked', async ({ onTestFinished }) => {
    const controller = await hciController({});
    onTestFinished(() => controller.close());
    const { socket, told } = open(onTestFinished, controller.port);
    await until(() => told.length === 1, 'the link');
    await controller.down();
    await controller.up();
    await until(() => told.length === 3, 'the link again');
    expect(told).toEqual([undefined, expect.stringContaining('closed the connection'), undefined]);
    expect(socket.isDevUp()).toBe(false);
    expect(socket.isDevUp()).toBe(true);
  });

  it('gives up a controller that stops answering, and tries again', async ({ onTestFinished }) => {
    const controller = await slowController(onTestFinished);
    const { socket, told } = open(onTestFinished, controller.port);
    await until(() => controller.received.length === 1, 'the reset');
    controller.send('040e0401030c00');
    await until(() => told.length === 1, 'the link');
    socket.write(READ_VERSION);
    await until(() => told.length === 2, 'the problem');
    expect(told[1]).toContain('does not answer HCI commands');
    await until(
      () => controller.received.filter((command) => command === '01030c00').length === 2,
      'a new attempt',
    );
  });

  it('says and does nothing more once it is stopped', async ({ onTestFinished }) => {
    const controller = await hciController({});
    onTestFinished(() => controller.close());
    const { socket, told, packets } = open(onTestFinished, controller.port);
    await until(() => told.length === 1, 'the link');
    socket.stop();
    socket.write(READ_VERSION);
    await controller.down();
    expect(socket.isDevUp()).toBe(false);
    expect(told).toHaveLength(1);
    expect(packets).toEqual([]);
  });
});
