import { stdout } from 'node:process';
import { unomiSchemas } from './unomi-schemas.ts';

// `npx tsx gateway/uplinks/unomi-schemas-print.ts`: a schema a line, each to be posted to Unomi (docs/uplinks.md).
for (const schema of unomiSchemas()) stdout.write(`${JSON.stringify(schema)}\n`);
