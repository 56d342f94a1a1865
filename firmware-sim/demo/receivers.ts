import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { boxRadio, ceilingReceivers, gattThermostat } from '../shop-floor/floor-plan.ts';
import type { Folder } from './folder.ts';
import { program } from './programs.ts';
import type { Running, Supervisor } from './supervise.ts';

/** The processes that hear: four on the ceiling, and the box's own radio. */
export interface Receivers {
  /** Starts the one whose secret this is, or keeps it for the box's radio; false where it is for neither. */
  enrol(device: string, secret: string): boolean;
  /** Messages of the ceiling receivers. The radio process does not tell its own. */
  counters(): { sent: number; acked: number };
  /** They tell what they still have, and end. */
  stop(): Promise<void>;
}

/** Counts of everybody else come this often here, so that a visitor sees them soon. */
const CROWD_WINDOW_S = 10;

export function openReceivers(parts: {
  folder: Folder;
  supervisor: Supervisor;
  mqttUrl: string;
  controllers: Record<string, number>;
  /** The message bus of the box, where it has one. */
  bus?: string;
  onExit(name: string, how: string): void;
}): Receivers {
  const { folder, supervisor, mqttUrl, controllers, bus, onExit } = parts;
  const running: Running[] = [];
  const counters = new Map<string, { sent: number; acked: number }>();

  function start(
    id: string,
    args: string[],
    more: { env?: Record<string, string>; onLine?(line: string): void },
  ): void {
    const logFile = join(folder.logs, `${id}.log`);
    running.push(
      supervisor.start({
        ...{ name: id, args, logFile, ...more },
        onExit: (how) => onExit(id, how),
      }),
    );
  }

  return {
    enrol(device, secret) {
      const isRadio = device === boxRadio.id;
      const isSpokenFor = device === gattThermostat.id;
      if (!isRadio && !isSpokenFor && !ceilingReceivers.some(({ id }) => id === device)) return false;
      const secretFile = join(folder.keys, `${device}.secret`);
      writeFileSync(secretFile, secret, { mode: 0o600 });
      if (isSpokenFor) return true;
      if (isRadio) {
        const env = { ...(bus !== undefined && { DBUS_SYSTEM_BUS_ADDRESS: bus }) };
        start(device, [...program('gateway/main'), 'radio', '--config', folder.config], { env });
        return true;
      }
      const args = [
        ...program('firmware-sim/ceiling-receiver'),
        ...['--id', device, '--controller', `127.0.0.1:${controllers[device]}`, '--url', mqttUrl],
        ...['--secret-file', secretFile, '--ca', join(folder.keys, 'ca.crt')],
        ...['--crowd-window', String(CROWD_WINDOW_S), '--counters'],
      ];
      start(device, args, { onLine: (line) => void counters.set(device, JSON.parse(line)) });
      return true;
    },
    counters() {
      let sent = 0;
      let acked = 0;
      for (const one of counters.values()) {
        sent += one.sent;
        acked += one.acked;
      }
      return { sent, acked };
    },
    async stop() {
      await Promise.all(running.map((one) => one.stop()));
    },
  };
}
