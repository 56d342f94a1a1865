import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Central, openCentral } from './central/central.ts';

/**
 * A receiving side for many shops, as a process of its own. Prints `{"ready":"<file>"}` when shops can connect;
 * the file, which its owner alone can read, has the addresses. Ends on SIGTERM or Ctrl-C with all it started.
 */

const USAGE =
  'npx tsx firmware-sim/central.ts --folder <folder> [--shop <store>/<gateway>=<password file> …] [--shards 1] [--workers 2] [--mqtt-port 0]';

/** Where it is to be found. */
export type CentralAddresses = Pick<Central, 'mqtt' | 'database'>;

function readArguments() {
  const { values } = parseArgs({
    options: {
      folder: { type: 'string' },
      shop: { type: 'string', multiple: true, default: [] },
      shards: { type: 'string', default: '1' },
      workers: { type: 'string', default: '2' },
      'mqtt-port': { type: 'string', default: '0' },
    },
  });
  if (values.folder === undefined) throw new Error(`--folder is needed: ${USAGE}`);
  const shops = values.shop.map((text) => {
    const [, store, gateway, file] = /^([\w-]+)\/([\w-]+)=(.+)$/.exec(text) ?? [];
    if (!store || !gateway || !file) throw new Error(`"${text}" is no shop: ${USAGE}`);
    return { store, gateway, password: readFileSync(file, 'utf8').trim() };
  });
  const options = {
    ...{ folder: values.folder, shards: Number(values.shards), workers: Number(values.workers) },
    mqttPort: Number(values['mqtt-port']),
  };
  return { options, shops };
}

async function run(): Promise<void> {
  const { options, shops } = readArguments();
  const central = await openCentral(options);
  const end = () => void central.close().then(() => process.exit(0));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, end);
  for (const { store, gateway, password } of shops) await central.addShop({ store, gateway }, password);
  const { mqtt, database } = central;
  const file = join(options.folder, 'central.json');
  writeFileSync(file, JSON.stringify({ mqtt, database } satisfies CentralAddresses), { mode: 0o600 });
  process.stdout.write(`${JSON.stringify({ ready: file })}\n`);
}

run().catch((error: Error) => {
  process.stderr.write(`central: ${error.message}\n`);
  process.exit(1);
});
