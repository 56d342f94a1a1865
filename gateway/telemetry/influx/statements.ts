import type { InfluxConfig } from '../../config-influx.ts';
import { MEASUREMENTS, type Measurement } from '../measurements.ts';
import { LONG, OWN_SERIES, quoted, RAW } from './server.ts';

/** What is kept for long is summed up by so many minutes. */
export const LONG_STEP_MINUTES = 5;
/** Points that come so much later, because InfluxDB was away, are in the continuous queries' sums all the same. */
export const LATE_HOURS = 2;

export interface Policy {
  name: string;
  days: number;
  isDefault: boolean;
}

export function policiesOf({ rawDays, keepDays }: InfluxConfig): [raw: Policy, long: Policy] {
  return [
    { name: RAW, days: rawDays, isDefault: true },
    { name: LONG, days: keepDays, isDefault: false },
  ];
}

/** With the raw policy as its own, so that there is none that keeps points for ever. */
export function createDatabase({ database }: InfluxConfig, { name, days }: Policy): string {
  const how = `DURATION ${days}d REPLICATION 1 SHARD DURATION ${shardHours(days)}h`;
  return `CREATE DATABASE ${quoted(database)} WITH ${how} NAME ${quoted(name)}`;
}

export function setPolicy(verb: 'CREATE' | 'ALTER', { database }: InfluxConfig, policy: Policy): string {
  const { name, days, isDefault } = policy;
  const what = `${verb} RETENTION POLICY ${quoted(name)} ON ${quoted(database)}`;
  const how = `DURATION ${days}d REPLICATION 1 SHARD DURATION ${shardHours(days)}h`;
  return `${what} ${how}${isDefault ? ' DEFAULT' : ''}`;
}

/** InfluxDB's own choice, said aloud: altering a policy leaves it as it was. A policy goes by whole shards. */
export function shardHours(days: number): number {
  if (days < 2) return 1;
  return days <= 180 ? 24 : 7 * 24;
}

export const queryName = ({ name }: Measurement) => `aisle_${name}_${LONG_STEP_MINUTES}m`;

/** Every five minutes the sums of the last hours, of all shops that share the database. */
export function createContinuousQuery(config: InfluxConfig, measurement: Measurement): string {
  const name = quoted(queryName(measurement));
  const how = `RESAMPLE EVERY ${LONG_STEP_MINUTES}m FOR ${LATE_HOURS}h`;
  return `CREATE CONTINUOUS QUERY ${name} ON ${quoted(config.database)} ${how} BEGIN ${sums(config, measurement)} END`;
}

/** What a continuous query does, once, from a time to another, of the series of one gateway alone (`OWN_SERIES`). */
export function sumUp(
  config: InfluxConfig,
  { measurement, from, to }: { measurement: Measurement; from: number; to: number },
): string {
  return sums(config, measurement, ` WHERE time >= ${from}ms AND time < ${to}ms AND ${OWN_SERIES}`);
}

/** Each field summed up as `measurements.ts` says, under its own name and type, by all of its tags. */
function sums({ database }: InfluxConfig, measurement: Measurement, where = ''): string {
  const fields = measurement.fields.map(
    ({ name: field, rollup }) => `${rollup}(${quoted(field)}) AS ${quoted(field)}`,
  );
  const place = (policy: string) => [database, policy, measurement.name].map(quoted).join('.');
  return `SELECT ${fields.join(', ')} INTO ${place(LONG)} FROM ${place(RAW)}${where} GROUP BY time(${LONG_STEP_MINUTES}m), *`;
}

export function dropContinuousQuery({ database }: InfluxConfig, measurement: Measurement): string {
  return `DROP CONTINUOUS QUERY ${quoted(queryName(measurement))} ON ${quoted(database)}`;
}

/** Whether both are the same query: InfluxDB says it with quotes and spaces of its own. */
export function isSameQuery(one: string, other: string): boolean {
  const bare = (text: string) => text.replaceAll('"', '').replace(/\s+/g, ' ').trim().toLowerCase();
  return bare(one) === bare(other);
}

export function createUser(userName: string, password: string): string {
  return `CREATE USER ${quoted(userName)} WITH PASSWORD ${literal(password)}`;
}

export function setPassword(userName: string, password: string): string {
  return `SET PASSWORD FOR ${quoted(userName)} = ${literal(password)}`;
}

/** `ALL` on a database is READ and WRITE; a user has one of the three. */
export function grant({ database }: InfluxConfig, userName: string): string {
  return `GRANT ALL ON ${quoted(database)} TO ${quoted(userName)}`;
}

/** The library's own way with literals lets a backslash before a quote end one. */
function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/**
 * Everything for a server that has nothing yet, for an administrator's own hands. The password is theirs to
 * put in: that line is a comment.
 */
export function allStatements(config: InfluxConfig): string[] {
  const [raw, long] = policiesOf(config);
  const { userName, passwordFile } = config;
  const lines = [
    createDatabase(config, raw),
    setPolicy('CREATE', config, long),
    ...MEASUREMENTS.map((measurement) => createContinuousQuery(config, measurement)),
  ];
  if (userName === undefined) return lines.map((line) => `${line};`);
  const user = `-- with the password of ${passwordFile}: ${createUser(userName, '…')};`;
  return [...lines.map((line) => `${line};`), user, `-- ${grant(config, userName)};`];
}
