import { join } from 'node:path';
import type { StoreDoor } from './central-platform.ts';
import type { Folder } from './folder.ts';
import { httpDoor } from './http-door.ts';
import { program } from './programs.ts';
import { GATEWAY, STORE } from './shop-config.ts';
import type { Supervisor } from './supervise.ts';

interface Parts {
  /** The one for many shops: RabbitMQ and PostgreSQL. */
  central?: boolean;
  children: Supervisor;
  folder: Folder;
  storePort: number;
  onExit(name: string, how: string): void;
}

/** The profile store as a process; `listens` tells whether the gateway can reach it by now. */
export async function startStore(parts: Parts): Promise<{ listens(): boolean; door: StoreDoor }> {
  const { central, folder, storePort } = parts;
  const listens = start(parts, central ? centralProgram(parts) : profileStoreProgram(parts));
  if (!central)
    return { listens, door: httpDoor({ url: `http://127.0.0.1:${storePort}`, token: folder.token }) };
  // Its libraries are for development: they are looked for only where they are asked for.
  const { databaseDoor } = await import('./database-door.ts');
  return { listens, door: databaseDoor(join(folder.profileStore, 'central.json'), folder.issuerKeyFile) };
}

function profileStoreProgram({ folder, storePort }: Parts): string[] {
  const { profileStore, tokenFile, issuerKeyFile } = folder;
  return [
    ...[...program('firmware-sim/profile-store'), '--data', profileStore, '--token-file', tokenFile],
    ...['--listen', `127.0.0.1:${storePort}`, '--issuer-key', issuerKeyFile],
  ];
}

function centralProgram({ folder, storePort }: Parts): string[] {
  const { profileStore, tokenFile } = folder;
  return [
    ...[...program('firmware-sim/central'), '--folder', profileStore, '--mqtt-port', `${storePort}`],
    ...['--shop', `${STORE}/${GATEWAY}=${tokenFile}`],
  ];
}

/** Either tells by its first line that it is ready. */
function start({ children, folder, onExit }: Parts, args: readonly string[]): () => boolean {
  const name = 'profile-store';
  let listens = false;
  children.start({
    ...{ name, args },
    logFile: join(folder.logs, `${name}.log`),
    onLine: () => {
      listens = true;
    },
    onExit: (how) => onExit(name, how),
  });
  return () => listens;
}
