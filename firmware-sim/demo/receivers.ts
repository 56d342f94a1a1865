import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { boxRadio, ceilingReceivers } from '../shop-floor/floor-plan.ts';
import type { Folder } from './folder.ts';
import { program } from './programs.ts';
import type { Running, Supervisor } from './supervise.ts';

/** The processes that hear: four on the ceiling, and the box's own radio. */
export interface Receivers {
  /** Starts the one whose secret this is; false where the device is none of them. */
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
  onExit(name: string, how: string): void;
}): Receivers {
  const { folder, supervisor, mqttUrl, controllers, onExit } = parts;
  const running: Running[] = [];
  const counters = new Map<string, { sent: number; acked: number }>();

  function start(id: string, args: string[], onLine?: (line: string) => void): void {
    const logFile = join(folder.logs, `${id}.log`);
    running.push(
      supervisor.start({
        ...{ name: id, args, logFile, ...(onLine && { onLine }) },
        onExit: (how) => onExit(id, how),
      }),
    );
  }

  return {
    enrol(device, secret) {
      const isRadio = device === boxRadio.id;
      if (!isRadio && !ceilingReceivers.some(({ id }) => id === device)) return false;
      const secretFile = join(folder.keys, `${device}.secret`);
      writeFileSync(secretFile, secret, { mode: 0o600 });
      if (isRadio) {
        start(device, [...program('gateway/main'), 'radio', '--config', folder.config]);
        return true;
      }
      const args = [
        ...program('firmware-sim/ceiling-receiver'),
        ...['--id', device, '--controller', `127.0.0.1:${controllers[device]}`, '--url', mqttUrl],
        ...['--secret-file', secretFile, '--ca', join(folder.keys, 'ca.crt')],
        ...['--crowd-window', String(CROWD_WINDOW_S), '--counters'],
      ];
      start(device, args, (line) => counters.set(device, JSON.parse(line)));
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
