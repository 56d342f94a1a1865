import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const LOWEST = 20_000;
/**
 * Where Linux begins to take ports for outgoing connections (ip_local_port_range): a server that is away for
 * some seconds could find its port taken by one.
 */
const OUTGOING = 32_768;
const LOOK_MS = 50;
const CLOSE_MS = 10_000;

/** `count` different ports of 127.0.0.1 that are free at this moment, and that no outgoing connection takes. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = LOWEST + randomInt(OUTGOING - LOWEST);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  const isOurs = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  if (isOurs) await new Promise((closed) => server.close(closed));
  return isOurs;
}

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
  const opened = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return opened;
}
