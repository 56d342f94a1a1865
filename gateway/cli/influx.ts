import type { Config } from '../config.ts';
import { type SetUp, setUpInflux } from '../telemetry/influx/setup.ts';
import { allStatements } from '../telemetry/influx/statements.ts';

export interface InfluxSetupOptions {
  adminUser?: string;
  adminPasswordFile?: string;
  print?: boolean;
  json?: boolean;
}

/**
 * `aisle influx setup`: the database of the time series, made or brought to what the configuration says.
 * @throws with a sentence where the server cannot be reached or refuses.
 */
export async function influxSetup(
  { influx }: Pick<Config, 'influx'>,
  { adminUser, adminPasswordFile, print, json }: InfluxSetupOptions,
  out: (line: string) => void,
): Promise<void> {
  if (!influx)
    throw new Error('the configuration has no influx: add  influx: {url: "http://127.0.0.1:8086"}');
  if (print) return allStatements(influx).forEach(out);
  const steps = await setUpInflux(influx, { userName: adminUser, passwordFile: adminPasswordFile });
  const changed = steps.filter(({ done }) => done !== 'kept').length;
  if (json) return out(JSON.stringify({ changed, steps }));
  for (const { what, done } of steps) out(`${WORDS[done].padEnd(15)} ${what}`);
  out(changed === 0 ? 'nothing was changed' : `${changed} of ${steps.length} made or altered`);
}

const WORDS: Record<SetUp['done'], string> = { made: 'made', altered: 'altered', kept: 'was there' };
