import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { brakeOf, createShare } from '../../../gateway/access/pace.ts';
import { until } from '../../support/until.ts';

const KIB = 1024;

/** A device's share, and the time that passes for it, ms. */
function share() {
  const clock = { now: 1_000 };
  return { clock, take: createShare(() => clock.now).take };
}

it('P11: a receiver that sends ten messages of 100 frames a second is never held', () => {
  const { clock, take } = share();
  const holds: number[] = [];
  for (let n = 0; n < 6_000; n += 1, clock.now += 100) holds.push(take(20 * KIB));
  expect(Math.max(...holds)).toBe(0);
});

it('P11: what a device kept while it was offline comes at once', () => {
  const { take } = share();
  const holds = Array.from({ length: 2_000 }, () => take(500));
  expect(Math.max(...holds)).toBe(0);
});

it('P11, F18: beyond its burst a flood comes at 1,000 messages a second, or at 8 MiB', () => {
  const small = share();
  for (let n = 0; n < 2_000; n += 1) small.take(100);
  expect(small.take(100)).toBeCloseTo(1);
  for (let n = 0; n < 499; n += 1) small.take(100);
  expect(small.take(100)).toBeCloseTo(501);
  small.clock.now += 10_000;
  expect(small.take(100)).toBe(0);

  const large = share();
  for (let n = 0; n < 256; n += 1) large.take(64 * KIB);
  expect(large.take(64 * KIB)).toBeCloseTo(1_000 / 128);
});

/** A connection whose one end writes without an end; the octets that the other read. */
async function flooded(): Promise<{ socket: Socket; read: () => number }> {
  const server = createServer((sender) => {
    const write = () => {
      while (sender.write(Buffer.alloc(16 * KIB)));
    };
    sender.on('drain', write).on('error', () => {});
    write();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  let octets = 0;
  socket.on('data', (chunk) => {
    octets += chunk.length;
  });
  return { socket, read: () => octets };
}

it('P11: a socket that is held is not read, whoever asks, and then it is', async () => {
  const { socket, read } = await flooded();
  const brake = brakeOf(socket);
  await until(() => read() > 0, 'octets');
  expect([brake.hold(200), brake.hold(1_500)]).toEqual([true, false]);
  const from = performance.now();
  const held = read();
  socket.resume();
  await wait(250);
  socket.resume();
  expect(read()).toBe(held);
  await until(() => read() > held, 'more');
  expect(performance.now() - from).toBeGreaterThan(1_490);
});

it('P11: one that is stopped is read when it goes on, and not before a hold is over', async () => {
  const { socket, read } = await flooded();
  const brake = brakeOf(socket);
  await until(() => read() > 0, 'octets');
  brake.stop();
  brake.hold(1_000);
  const held = read();
  brake.go();
  socket.resume();
  await wait(100);
  expect(read()).toBe(held);
  await until(() => read() > held, 'more');
  brake.stop();
  const stopped = read();
  await wait(100);
  expect(read()).toBe(stopped);
  brake.go();
  await until(() => read() > stopped, 'more again');
});
