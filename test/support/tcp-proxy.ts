import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

type Mode = 'pass' | 'swallow' | 'refuse' | 'hang up' | 'lose answers';
/** `up` is from who connects, `down` what comes back. */
type Direction = 'up' | 'down';

/** How slow a line is, in each direction. */
export interface Pace {
  octetsPerSecond: number;
  /** Until an octet arrives, ms. */
  delayMs?: number;
  /** Up to so much more, drawn for each piece; order is kept, as by TCP. */
  jitterMs?: number;
  /** 0 ≤ x < 1; seeded, so that a failure can be had again. */
  random?: () => number;
}

/** A line between two ends that the test can spoil. */
export interface TcpProxy {
  port: number;
  /**
   * `swallow`: connections open and stay open, and no octet gets through. `lose answers`: what is asked
   * arrives, what is answered does not. `refuse` resets new ones, `hang up` ends them in good order, without
   * a word.
   */
  set(mode: Mode): void;
  /** Octets that came from the client since the line was last set. */
  swallowed(): number;
  /** Octets that got through so far. */
  passed(direction: Direction): number;
  /** The first octets of each connection, as the client sent them. */
  beginnings(): Buffer[];
  /**
   * Once: exactly so many octets more get through in that direction, over whichever connection; then both
   * ends of that connection are reset, or the receiver is told (FIN) that nothing more comes while the
   * other direction goes on.
   */
  endAfter(direction: Direction, octets: number, how?: 'reset' | 'half-close'): void;
  /** From here on the line is slow; without a pace it is as fast as the machine. */
  slow(pace?: Pace): void;
  /** Resets every connection. */
  cut(): void;
}

/** A slow line carries a piece so often, ms. */
const PIECE_EVERY = 20;
/** Octets that `beginnings` keeps of a connection. */
const BEGINNING = 4_096;

export async function tcpProxy(target: number): Promise<TcpProxy> {
  let mode: Mode = 'pass';
  let swallowed = 0;
  let pace: Pace | undefined;
  let ending: { direction: Direction; octets: number; how: 'reset' | 'half-close' } | undefined;
  const passed = { up: 0, down: 0 };
  const sockets = new Set<Socket>();
  const beginnings: Buffer[] = [];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (mode === 'refuse') return void client.resetAndDestroy();
    if (mode === 'hang up') return void client.resume().end();
    const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const number = beginnings.push(Buffer.alloc(0)) - 1;
    client.on('data', (chunk) => {
      swallowed += chunk.length;
      const before = beginnings[number] ?? Buffer.alloc(0);
      if (before.length < BEGINNING)
        beginnings[number] = Buffer.concat([before, chunk]).subarray(0, BEGINNING);
    });
    join(client, far, 'up');
    join(far, client, 'down');
  });

  function getsThrough(direction: Direction): boolean {
    return mode === 'pass' || (mode === 'lose answers' && direction === 'up');
  }

  function join(from: Socket, to: Socket, direction: Direction): void {
    let isOver = false;
    let carried: Promise<unknown> = Promise.resolve();
    sockets.add(from);

    function carry(chunk: Buffer): void {
      if (isOver || !getsThrough(direction)) return;
      const most = ending?.direction === direction ? ending.octets : Number.POSITIVE_INFINITY;
      const piece = chunk.subarray(0, most);
      passed[direction] += piece.length;
      if (piece.length > 0) to.write(piece);
      if (ending?.direction !== direction) return;
      ending.octets -= piece.length;
      if (ending.octets === 0) end(ending.how);
    }

    function end(how: 'reset' | 'half-close'): void {
      ending = undefined;
      isOver = true;
      if (how === 'half-close') return void to.end();
      from.resetAndDestroy();
      to.resetAndDestroy();
    }

    async function dribble(chunk: Buffer, { octetsPerSecond, delayMs = 0, jitterMs = 0, random }: Pace) {
      await wait(delayMs + jitterMs * (random?.() ?? 0));
      // By the clock: on a machine that is busy the line is as slow, and no slower.
      const startedAt = performance.now();
      for (let at = 0; at < chunk.length && !to.destroyed; ) {
        await wait(PIECE_EVERY);
        const due = Math.ceil(((performance.now() - startedAt) / 1_000) * octetsPerSecond);
        carry(chunk.subarray(at, due));
        at = Math.max(at, due);
      }
    }

    from.on('data', (chunk) => {
      if (!pace) return carry(chunk);
      // Who sends is to feel it.
      from.pause();
      carried = dribble(chunk, pace).then(() => from.resume());
    });
    from.on('end', () => void carried.then(() => (getsThrough(direction) ? to.end() : from.end())));
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      if (mode !== 'swallow') to.destroy();
    });
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    set(next) {
      mode = next;
      swallowed = 0;
    },
    swallowed: () => swallowed,
    passed: (direction) => passed[direction],
    beginnings: () => beginnings,
    endAfter(direction, octets, how = 'reset') {
      ending = { direction, octets, how };
    },
    slow(next) {
      pace = next;
    },
    cut,
  };
}
