import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, listening } from '../../support/free-port.ts';
import { type Child, launch } from './child.ts';

/** Debian's mosquitto as it comes, on a free port of this machine, as a process of its own. */
export async function plainBroker(folder: string): Promise<{ broker: Child; url: string }> {
  const port = await freePort();
  const file = join(folder, 'mosquitto.conf');
  writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous true\nuser root\n`);
  const broker = launch('/usr/sbin/mosquitto', ['-c', file]);
  await listening(port);
  return { broker, url: `mqtt://127.0.0.1:${port}` };
}
