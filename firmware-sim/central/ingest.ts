import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import { type CloudEvent, isObject } from '../profile-store/cloud-event.ts';
import { type Arrived, type Read, readArrived } from './arrived.ts';
import { stateIn } from './states.ts';

const INSERT = `
  INSERT INTO events (source, id, type, epoch, sequence, subject_ref, visit_id, record_id, event)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[],
                       $7::text[], $8::text[], $9::jsonb[])
  ON CONFLICT (source, id) DO NOTHING
  RETURNING source, id`;
// Two boxes with one id (a copied disk) give one id to different events: to drop the second would be a loss.
const CLASHES = `
  SELECT given.n::int AS n FROM unnest($1::text[], $2::text[], $3::jsonb[])
    WITH ORDINALITY AS given (source, id, event, n)
  JOIN events USING (source, id) WHERE events.event <> given.event`;
const EPOCHS = `
  INSERT INTO epochs SELECT source, epoch, min(began)
    FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS given (source, epoch, began) GROUP BY 1, 2
  ON CONFLICT (source, epoch) DO UPDATE SET began = least(epochs.began, excluded.began)
  WHERE epochs.began > excluded.began`;
const STATES = `
  INSERT INTO states SELECT DISTINCT ON (source, kind, key, epoch) source, kind, key, epoch, sequence, value
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::jsonb[])
      AS given (source, kind, key, epoch, sequence, value)
    ORDER BY source, kind, key, epoch, sequence DESC
  ON CONFLICT (source, kind, key, epoch) DO UPDATE SET sequence = excluded.sequence, value = excluded.value
  WHERE states.sequence < excluded.sequence`;
const BURY = `
  INSERT INTO dead_letters (digest, address, reason, body)
  SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::bytea[]) ON CONFLICT (digest) DO NOTHING`;
const COUNT = `
  INSERT INTO workers VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO UPDATE SET
    deliveries = workers.deliveries + excluded.deliveries,
    redelivered = workers.redelivered + excluded.redelivered,
    duplicates = workers.duplicates + excluded.duplicates, dead = workers.dead + excluded.dead`;

/** SQLSTATE of what no second try changes: a value that PostgreSQL cannot hold (class 22, 23). */
const REFUSED_FOR_GOOD = /^2[23]/;

/**
 * Commits a batch in one transaction; it is on disk when this returns, and only then to be acknowledged.
 * What is no event is set aside with the reason. Throws where the database is away: then nothing is taken.
 */
export async function ingest(client: ClientBase, worker: string, batch: readonly Arrived[]): Promise<void> {
  const read = batch.map(readArrived);
  try {
    return await commit(client, worker, read);
  } catch (error) {
    const code = refusedForGood(error);
    if (code === undefined) throw error;
    const [only, ...others] = read;
    if (only && others.length === 0) return commit(client, worker, [buried(only, code)]);
  }
  // One of them: each by itself tells which.
  for (const one of batch) await ingest(client, worker, [one]);
}

function refusedForGood(error: unknown): string | undefined {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && code.length === 5 && REFUSED_FOR_GOOD.test(code) ? code : undefined;
}

/** The code alone: PostgreSQL's sentence could quote what is in the event. */
function buried({ arrived }: Read, code: string): Read {
  return { arrived, reason: `PostgreSQL cannot hold it (SQLSTATE ${code})` };
}

async function commit(client: ClientBase, worker: string, read: readonly Read[]): Promise<void> {
  await client.query('BEGIN');
  try {
    const events = read.filter((one): one is Extract<Read, { event: CloudEvent }> => 'event' in one);
    const dead = read.flatMap((one) => ('reason' in one ? [one] : []));
    const fresh = await insert(
      client,
      events.map(({ event }) => event),
    );
    if (fresh.length < events.length) dead.push(...(await clashing(client, events)));
    await project(client, fresh);
    await bury(client, dead);
    const duplicates = read.length - fresh.length - dead.length;
    const redelivered = read.filter(({ arrived }) => arrived.redelivered).length;
    await client.query(COUNT, [worker, read.length, redelivered, duplicates, dead.length]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** Those that were not there before, each once. */
async function insert(client: ClientBase, events: readonly CloudEvent[]): Promise<CloudEvent[]> {
  if (events.length === 0) return [];
  const column = <T>(of: (event: CloudEvent) => T) => events.map(of);
  const { rows } = await client.query<{ source: string; id: string }>(INSERT, [
    column(({ source }) => source),
    column(({ id }) => id),
    column(({ type }) => type),
    column(({ epoch }) => epoch ?? null),
    column(({ type, sequence }) => (type.startsWith('aisle.') ? Number(sequence) : null)),
    column(({ data }) => text(data, 'subject', 'ref')),
    column(({ data }) => text(data, 'visitId') ?? text(data, 'attribution', 'visitId')),
    column(({ data }) => text(data, 'recordId') ?? text(data, 'consent', 'recordId')),
    column((event) => JSON.stringify(event)),
  ]);
  const inserted = new Set(rows.map(keyOf));
  // Of two in one batch PostgreSQL took the first.
  return events.filter((event) => inserted.delete(keyOf(event)));
}

async function clashing(
  client: ClientBase,
  events: readonly { arrived: Arrived; event: CloudEvent }[],
): Promise<{ arrived: Arrived; reason: string }[]> {
  const { rows } = await client.query<{ n: number }>(CLASHES, [
    events.map(({ event }) => event.source),
    events.map(({ event }) => event.id),
    events.map(({ event }) => JSON.stringify(event)),
  ]);
  return rows.flatMap(({ n }) => {
    const one = events[n - 1];
    return one ? [{ arrived: one.arrived, reason: 'another event has this source and id' }] : [];
  });
}

async function project(client: ClientBase, events: readonly CloudEvent[]): Promise<void> {
  const placed = events.filter(({ type }) => type.startsWith('aisle.'));
  if (placed.length === 0) return;
  await client.query(EPOCHS, [
    placed.map(({ source }) => source),
    placed.map(({ epoch }) => epoch),
    placed.map(({ recordedtime, time }) => recordedtime ?? time ?? new Date(0).toISOString()),
  ]);
  const states = placed.flatMap((event) => {
    const state = stateIn(event);
    return state ? [{ event, state }] : [];
  });
  if (states.length === 0) return;
  await client.query(STATES, [
    states.map(({ event }) => event.source),
    states.map(({ state }) => state.kind),
    states.map(({ state }) => state.key),
    states.map(({ event }) => event.epoch),
    states.map(({ event }) => Number(event.sequence)),
    states.map(({ state }) => JSON.stringify(state.value)),
  ]);
}

async function bury(
  client: ClientBase,
  dead: readonly { arrived: Arrived; reason: string }[],
): Promise<void> {
  if (dead.length === 0) return;
  await client.query(BURY, [
    dead.map(({ arrived }) => digestOf(arrived)),
    dead.map(({ arrived }) => arrived.address),
    dead.map(({ reason }) => reason),
    dead.map(({ arrived }) => arrived.body),
  ]);
}

/** A dead letter that is delivered again is the same dead letter. */
function digestOf({ address, body }: Arrived): Buffer {
  return createHash('sha256').update(`${address}\n`).update(body).digest();
}

function keyOf({ source, id }: { source: string; id: string }): string {
  return `${source} ${id}`;
}

function text(data: unknown, ...path: string[]): string | null {
  let value = data;
  for (const name of path) value = isObject(value) ? value[name] : undefined;
  return typeof value === 'string' ? value : null;
}
