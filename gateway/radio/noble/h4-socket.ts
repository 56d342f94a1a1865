import { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';
import { H4_COMMAND, H4_EVENT, h4Framing } from './h4-framing.ts';

/** What noble uses of `@abandonware/bluetooth-hci-socket`; emits `data` (one HCI packet) and `error`. */
export interface HciSocket extends EventEmitter {
  bindRaw(index: number): number;
  bindUser(index: number): number;
  isDevUp(): boolean;
  start(): void;
  stop(): void;
  setFilter(filter: Buffer): void;
  write(packet: Buffer): void;
}

const CONNECT_MS = 5_000;
/** As the Linux kernel's HCI_CMD_TIMEOUT. */
const ANSWER_MS = 2_000;
const RETRY_MS = 1_000;
/** Commands that wait for the controller; noble's start-up sends nine. */
const MAX_WAITING_COMMANDS = 64;

const RESET = Buffer.from([H4_COMMAND, 0x03, 0x0c, 0x00]);
const RESET_OPCODE = 0x0c03;
const COMMAND_COMPLETE = 0x0e;
const COMMAND_STATUS = 0x0f;

/**
 * An HCI socket to a controller behind TCP, H4 on the stream. It does what the kernel does for a local adapter:
 * resets the controller before it is "up", sends a command only when the controller has room for one, and
 * connects again (each second) when the connection or the controller's answers end.
 * `onLink` hears of every change: `undefined` once the controller has answered, else what is wrong with it.
 */
export function h4Socket(options: {
  host: string;
  port: number;
  onLink(problem: string | undefined): void;
}): HciSocket {
  const { host, port, onLink } = options;
  const events = new EventEmitter();
  let started = false;
  let retry: NodeJS.Timeout | undefined;
  let connection: Connection | undefined;
  // A loss and a recovery between two polls of noble must still be seen as a loss.
  let lossToTell = false;

  const open = (): void => {
    const current = openConnection(host, port, {
      onUp: () => onLink(undefined),
      onPacket: (packet) => {
        if (started) events.emit('data', packet);
      },
      onEnd(problem) {
        if (connection !== current) return;
        if (current.isUp()) lossToTell = true;
        connection = undefined;
        if (!started) return;
        retry = setTimeout(open, RETRY_MS);
        onLink(problem);
      },
    });
    connection = current;
  };

  return Object.assign(events, {
    bindRaw: (index: number) => index,
    bindUser: (index: number) => index,
    // The stream carries everything; noble tells events apart itself.
    setFilter: () => {},
    isDevUp(): boolean {
      if (lossToTell) {
        lossToTell = false;
        return false;
      }
      return connection?.isUp() ?? false;
    },
    start(): void {
      if (started) return;
      started = true;
      open();
    },
    stop(): void {
      started = false;
      clearTimeout(retry);
      connection?.end();
      connection = undefined;
    },
    write: (packet: Buffer) => connection?.write(packet),
  });
}

interface Connection {
  isUp(): boolean;
  write(packet: Buffer): void;
  end(): void;
}

function openConnection(
  host: string,
  port: number,
  on: { onUp(): void; onPacket(packet: Buffer): void; onEnd(problem: string): void },
): Connection {
  const socket = connect({ host, port, noDelay: true, keepAlive: true });
  let up = false;
  let problem = `the controller at ${host}:${port} closed the connection`;
  const fail = (text: string): void => {
    problem = text;
    socket.destroy();
  };
  const connecting = setTimeout(() => fail(`nothing answers at ${host}:${port}`), CONNECT_MS);
  const commands = commandQueue(socket, () => fail(`${host}:${port} does not answer HCI commands`));
  const framing = h4Framing((packet) => {
    const answer = readAnswer(packet);
    if (answer) commands.answered(answer.room);
    if (!up && answer?.opcode === RESET_OPCODE) {
      up = true;
      on.onUp();
    } else if (up) on.onPacket(packet);
  });
  socket.on('connect', () => {
    clearTimeout(connecting);
    commands.send(RESET);
  });
  socket.on('data', (chunk) => {
    if (!framing(chunk)) fail(`${host}:${port} does not speak HCI with H4 framing`);
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    problem = `no connection to ${host}:${port} (${error.code ?? error.message})`;
  });
  socket.on('close', () => {
    clearTimeout(connecting);
    commands.stop();
    on.onEnd(problem);
  });
  return {
    isUp: () => up,
    write(packet) {
      // As with an adapter that is down, what comes too early goes nowhere.
      if (!up) return;
      if (packet[0] === H4_COMMAND) commands.send(packet);
      else socket.write(packet);
    },
    end: () => socket.destroySoon(),
  };
}

/** Sends commands as the controller has room for them (Num_HCI_Command_Packets, Core Spec vol 4 E §4.4). */
function commandQueue(socket: Socket, onSilence: () => void) {
  const waiting: Buffer[] = [];
  let room = 1;
  let deadline: NodeJS.Timeout | undefined;
  const pump = (): void => {
    for (
      let next = room > 0 ? waiting.shift() : undefined;
      next;
      next = room > 0 ? waiting.shift() : undefined
    ) {
      room -= 1;
      socket.write(next);
      deadline ??= setTimeout(onSilence, ANSWER_MS);
    }
  };
  return {
    send(command: Buffer): void {
      if (waiting.length < MAX_WAITING_COMMANDS) waiting.push(command);
      pump();
    },
    answered(roomNow: number): void {
      room = roomNow;
      clearTimeout(deadline);
      deadline = undefined;
      pump();
    },
    stop: () => clearTimeout(deadline),
  };
}

/** Command Complete and Command Status, Core Spec vol 4 E §7.7.14 and §7.7.15. */
function readAnswer(packet: Buffer): { opcode: number; room: number } | undefined {
  if (packet[0] !== H4_EVENT) return undefined;
  if (packet[1] === COMMAND_COMPLETE && packet.length >= 6) {
    return { room: packet.readUInt8(3), opcode: packet.readUInt16LE(4) };
  }
  if (packet[1] === COMMAND_STATUS && packet.length >= 7) {
    return { room: packet.readUInt8(4), opcode: packet.readUInt16LE(5) };
  }
  return undefined;
}
