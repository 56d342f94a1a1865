import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { createIssuerKey } from './profile-store/issuer-key.ts';
import { openProfileStore } from './profile-store/server.ts';

/**
 * A central profile store to try Aisle against, as a process of its own. Prints
 * `{"listening":"http://127.0.0.1:PORT"}` when it is ready and ends on SIGTERM or Ctrl-C.
 */

const USAGE = `npm run -s profile-store -- --data <folder> --token-file <file> [--listen 127.0.0.1:0] [--issuer-key <jwk file>]
npm run -s profile-store -- --new-issuer-key <jwk file>     writes a key, prints its public JWK for the gateway's issuerKeys
`;

interface Arguments {
  data: string;
  tokenFile: string;
  listen: string;
  issuerKey: string | undefined;
}

function readArguments(): Arguments | { newIssuerKey: string } {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      'token-file': { type: 'string' },
      listen: { type: 'string', default: '127.0.0.1:0' },
      'issuer-key': { type: 'string' },
      'new-issuer-key': { type: 'string' },
    },
  });
  if (values['new-issuer-key']) return { newIssuerKey: values['new-issuer-key'] };
  if (!values.data || !values['token-file']) throw new Error('--data and --token-file are needed');
  return {
    data: values.data,
    tokenFile: values['token-file'],
    listen: values.listen,
    issuerKey: values['issuer-key'],
  };
}

async function run({ data, tokenFile, listen, issuerKey }: Arguments): Promise<void> {
  const token = (await readFile(tokenFile, 'utf8')).trim();
  if (token === '') throw new Error(`${tokenFile} is empty: put a random token there`);
  const address = new URL(`http://${listen}`);
  const opened = await openProfileStore({
    data,
    token,
    host: address.hostname.replace(/^\[|\]$/g, ''),
    port: Number(address.port || 80),
    ...(issuerKey !== undefined && { issuerKeyFile: issuerKey }),
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void opened.close());
  process.stdout.write(`${JSON.stringify({ listening: opened.url })}\n`);
}

function fail(exitCode: number, error: unknown, more = ''): void {
  process.stderr.write(`profile-store: ${error instanceof Error ? error.message : String(error)}\n${more}`);
  process.exitCode = exitCode;
}

let given: ReturnType<typeof readArguments> | undefined;
try {
  given = readArguments();
} catch (error) {
  fail(2, error, USAGE);
}
try {
  if (given && 'newIssuerKey' in given) {
    process.stdout.write(`${JSON.stringify(await createIssuerKey(given.newIssuerKey))}\n`);
  } else if (given) {
    await run(given);
  }
} catch (error) {
  fail(1, error);
}
