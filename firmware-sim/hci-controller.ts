import { createServer, type Socket } from 'node:net';
import { packetReader } from './h4.ts';
import { answerCommand, type ControllerState, poweredOn } from './hci-commands.ts';
import { type Advertising, encodeReports } from './hci-reports.ts';

/**
 * A Bluetooth controller without an antenna: HCI with H4 framing on TCP, as a host meets it. What is
 * advertised reaches the host as LE Advertising Reports, and only while the host scans and its event masks
 * let them through. It keeps to the flow control of Core Spec vol 4 E §4.4: it has room for one command,
 * and what comes before that is answered is lost and counted in `overruns`.
 */
export interface HciController {
  port: number;
  /** Puts an advertisement on the air; false where the host does not get it. */
  advertise(advertising: Advertising): boolean;
  /** Sends the octets as they are, whatever the host has asked for. */
  raw(octets: Uint8Array): void;
  isScanning(): boolean;
  /** Opcodes of the commands, in their order. */
  commands(): readonly number[];
  overruns(): number;
  /** Enabling a scan is answered with this HCI error code; with nothing, as usual. */
  refuseScan(status?: number): void;
  /** Power off: the host's connection breaks and no new one is taken. */
  down(): Promise<void>;
  /** Power on, at the same port. */
  up(): Promise<void>;
  close(): Promise<void>;
}

/** A host that reads so slowly loses reports, as at a real controller with its few buffers. */
const MAX_UNREAD_OCTETS = 4 * 1024 * 1024;

export async function hciController(options: {
  port?: number;
  /** `aa:bb:cc:dd:ee:ff`. */
  address?: string;
  /** The host has used extended commands before: legacy ones are disallowed until a reset by itself. */
  extendedOnly?: boolean;
}): Promise<HciController> {
  const address = options.address ?? 'c0:ff:ee:00:00:01';
  const state: ControllerState = poweredOn({ address, extendedOnly: options.extendedOnly ?? false });
  const commands: number[] = [];
  let overruns = 0;
  let host: Socket | undefined;

  const server = createServer({ noDelay: true }, (socket) => {
    // One host at a time; the newest wins, as when a serial line is plugged over.
    host?.destroy();
    host = socket;
    state.scanning = false;
    const read = packetReader();
    let busy = false;
    socket.on('data', (chunk) => {
      try {
        for (const packet of read(chunk)) takeCommand(packet);
      } catch {
        socket.destroy();
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (host !== socket) return;
      host = undefined;
      state.scanning = false;
    });

    function takeCommand(packet: Buffer): void {
      if (packet[0] !== 0x01) return;
      if (busy) {
        overruns += 1;
        return;
      }
      busy = true;
      commands.push(packet.readUInt16LE(1));
      setImmediate(() => {
        busy = false;
        socket.write(answerCommand(state, packet.readUInt16LE(1), packet.subarray(4)));
      });
    }
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  const down = (): Promise<void> =>
    new Promise((resolve) => {
      if (!server.listening) return resolve();
      server.close(() => resolve());
      host?.destroy();
      host = undefined;
      state.scanning = false;
    });
  await listen(options.port ?? 0);
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : 0;

  return {
    port,
    advertise(advertising) {
      const reports = encodeReports(state, advertising);
      if (!host || reports.length === 0 || host.writableLength > MAX_UNREAD_OCTETS) return false;
      for (const report of reports) host.write(report);
      return true;
    },
    raw: (octets) => void host?.write(octets),
    isScanning: () => state.scanning,
    commands: () => commands,
    overruns: () => overruns,
    refuseScan(status) {
      state.refuseScan = status;
    },
    down,
    up: () => listen(port),
    close: down,
  };
}
