import type { InfluxConfig } from '../../config-influx.ts';
import { MEASUREMENTS } from '../measurements.ts';
import { type Connection, connect } from './connection.ts';
import { InfluxFailure } from './failure.ts';
import { quoted, readPassword } from './server.ts';
import {
  createContinuousQuery,
  createDatabase,
  createUser,
  dropContinuousQuery,
  grant,
  isSameQuery,
  LONG_STEP_MINUTES,
  type Policy,
  policiesOf,
  queryName,
  setPassword,
  setPolicy,
  shardHours,
} from './statements.ts';

/** One thing that has to be there, and what became of it. */
export interface SetUp {
  what: string;
  done: 'made' | 'altered' | 'kept';
}

export interface Administrator {
  userName?: string | undefined;
  passwordFile?: string | undefined;
}

const DEADLINE_MS = 15_000;

/**
 * Makes the database as the configuration has it, and changes what is there otherwise. Twice changes nothing.
 * @throws with a sentence.
 */
export async function setUpInflux(config: InfluxConfig, administrator: Administrator): Promise<SetUp[]> {
  const { userName, passwordFile } = administrator;
  const connection = connect({ ...config, userName, passwordFile }, { deadlineMs: DEADLINE_MS });
  try {
    return [
      ...(await databaseAndPolicies(connection, config)),
      ...(await continuousQueries(connection, config)),
      ...(await gatewayUser(connection, config)),
    ];
  } catch (error) {
    throw explained(error as Error, config, userName);
  } finally {
    connection.close();
  }
}

async function databaseAndPolicies(connection: Connection, config: InfluxConfig): Promise<SetUp[]> {
  const { database } = config;
  const policies = policiesOf(config);
  const names = await connection.request((influx) => influx.getDatabaseNames());
  const isNew = !names.includes(database);
  if (isNew) await run(connection, createDatabase(config, policies[0]));
  const there = await connection.request((influx) => influx.showRetentionPolicies(database));
  const done: SetUp[] = [{ what: `database ${database}`, done: isNew ? 'made' : 'kept' }];
  for (const policy of policies) {
    const found = there.find(({ name }) => name === policy.name);
    const what = `retention policy ${policy.name}, ${policy.days} days`;
    if (isNew && policy.isDefault) done.push({ what, done: 'made' });
    else if (found && isAsIn(policy, found)) done.push({ what, done: 'kept' });
    else {
      await run(connection, setPolicy(found ? 'ALTER' : 'CREATE', config, policy));
      done.push({ what, done: found ? 'altered' : 'made' });
    }
  }
  return done;
}

/** InfluxDB says `336h0m0s`. */
function isAsIn(
  { days, isDefault }: Policy,
  found: { duration: string; shardGroupDuration: string; default: boolean },
): boolean {
  const isRight = Number.parseInt(found.duration, 10) === days * 24;
  const hasShards = Number.parseInt(found.shardGroupDuration, 10) === shardHours(days);
  return isRight && hasShards && (found.default || !isDefault);
}

async function continuousQueries(connection: Connection, config: InfluxConfig): Promise<SetUp[]> {
  const all = await connection.request((influx) =>
    influx.query<{ name: string; query: string }>('SHOW CONTINUOUS QUERIES'),
  );
  const there = all.groups().find(({ name }) => name === config.database)?.rows ?? [];
  const done: SetUp[] = [];
  for (const measurement of MEASUREMENTS) {
    const name = queryName(measurement);
    const what = `continuous query ${name}, by ${LONG_STEP_MINUTES} minutes`;
    const statement = createContinuousQuery(config, measurement);
    const found = there.find((one) => one.name === name);
    if (found && isSameQuery(found.query, statement)) {
      done.push({ what, done: 'kept' });
      continue;
    }
    if (found) await run(connection, dropContinuousQuery(config, measurement));
    await run(connection, statement);
    done.push({ what, done: found ? 'altered' : 'made' });
  }
  return done;
}

async function gatewayUser(connection: Connection, config: InfluxConfig): Promise<SetUp[]> {
  const { userName, passwordFile, database } = config;
  if (userName === undefined) return [];
  if (passwordFile === undefined) throw new Error('influx.userName has no influx.passwordFile beside it');
  const password = readPassword(passwordFile);
  if (password === '') throw new Error(`${passwordFile} is empty: put the password for ${userName} there`);
  if (/[\r\n]/.test(password)) throw new Error(`${passwordFile} has more than one line`);
  const users = await connection.request((influx) => influx.getUsers());
  const isThere = users.some(({ user }) => user === userName);
  const isRight = isThere && (await isPasswordRight(config));
  if (!isThere) await run(connection, createUser(userName, password));
  else if (!isRight) await run(connection, setPassword(userName, password));
  const grants = await connection.request((influx) =>
    influx.query<{ database: string; privilege: string }>(`SHOW GRANTS FOR ${quoted(userName)}`),
  );
  const isGranted = grants.some((one) => one.database === database && one.privilege === 'ALL PRIVILEGES');
  if (!isGranted) await run(connection, grant(config, userName));
  return [
    { what: `user ${userName}`, done: isThere ? (isRight ? 'kept' : 'altered') : 'made' },
    { what: `its right to read and write ${database}`, done: isGranted ? 'kept' : 'made' },
  ];
}

async function isPasswordRight(config: InfluxConfig): Promise<boolean> {
  const connection = connect(config, { deadlineMs: DEADLINE_MS });
  try {
    await connection.request((influx) => influx.getDatabaseNames());
    return true;
  } catch (error) {
    if (error instanceof InfluxFailure && error.status === 401) return false;
    throw error;
  } finally {
    connection.close();
  }
}

function run(connection: Connection, statement: string): Promise<unknown> {
  return connection.request((influx) => influx.query(statement, { method: 'POST' }));
}

function explained(error: Error, { url }: InfluxConfig, userName: string | undefined): Error {
  if (!(error instanceof InfluxFailure)) return error;
  if (error.status === 401) {
    return new Error(
      userName === undefined
        ? `InfluxDB at ${url} asks for its administrator: --admin-user … --admin-password-file …`
        : `InfluxDB at ${url} refuses ${userName} with that password`,
    );
  }
  if (/create admin user first/.test(error.said)) {
    return new Error(
      `InfluxDB at ${url} has no administrator yet: make one first, CREATE USER admin WITH PASSWORD '…' WITH ALL PRIVILEGES`,
    );
  }
  if (error.status === 403 || /requires admin privilege|not authorized/.test(error.said)) {
    return new Error(`InfluxDB at ${url}: ${userName} is no administrator: ${error.said}`);
  }
  return new Error(`${error.message} (${url})`);
}
