import { readFileSync } from 'node:fs';
import type { BrokerAccount } from './connect.ts';
import { consume } from './consume.ts';
import type { DatabaseAddress } from './postgresql.ts';

/**
 * An ingest worker, a process of its own: `worker.ts <file>` with `WorkerSettings` as JSON. Prints
 * `{"ready":true}` whenever it is connected, and ends on SIGTERM with its work acknowledged.
 */
export interface WorkerSettings {
  name: string;
  broker: BrokerAccount;
  queues: readonly string[];
  database: DatabaseAddress;
  /** Stands still there, between COMMIT and acknowledgement, and says so: for who kills it just then. */
  stopAt?: 'committed';
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('expected a file with the settings');
const { name, broker, queues, database, stopAt } = JSON.parse(readFileSync(file, 'utf8')) as WorkerSettings;
const say = (what: object) => process.stdout.write(`${JSON.stringify(what)}\n`);

const consuming = consume({
  ...{ worker: name, broker, queues, database },
  ready: () => void say({ ready: true }),
  async committed() {
    if (stopAt === undefined) return;
    say({ at: 'committed' });
    await new Promise(() => {});
  },
});
process.once('SIGTERM', () => {
  consuming.close().then(() => process.exit(0));
});
