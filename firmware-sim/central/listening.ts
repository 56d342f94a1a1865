import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const LOOK_MS = 50;
const CLOSE_MS = 10_000;

/** Resolves once somebody listens there. `check` is called before each look and may throw. */
export async function answers(port: number, ms: number, check: () => void): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await isOpen(port))) {
    check();
    if (performance.now() > deadline) throw new Error(`nobody listens at 127.0.0.1:${port} after ${ms} ms`);
    await pause(LOOK_MS);
  }
}

/** Resolves once nobody listens there any more. */
export async function closedAgain(port: number): Promise<void> {
  const deadline = performance.now() + CLOSE_MS;
  while ((await isOpen(port)) && performance.now() < deadline) await pause(LOOK_MS);
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const opened = await connects(socket);
  socket.destroy();
  return opened;
}

/** True once it is connected, false where nobody takes it. */
export function connects(socket: Socket): Promise<boolean> {
  return once(socket, 'connect').then(
    () => true,
    () => false,
  );
}
