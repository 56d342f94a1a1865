import type { Config } from '../config.ts';
import { isLocked } from '../database.ts';
import { type OutboxCounts, outboxCounts } from '../outbox/counts.ts';
import { diskUnder, MIB, quotaOn } from '../outbox/quota.ts';
import type { Redriven, Wanted } from '../outbox/redrive.ts';
import { type Road, sealing } from '../road.ts';
import { type DeadLetter, storedEvents } from '../stored-events.ts';
import { uplinkName } from '../uplinks/index.ts';
import { onLocalRoad } from './local.ts';
import { runningGateway } from './running.ts';
import { withDatabase, withStoredDatabase } from './stored.ts';

type Out = (line: string) => void;

/*
 * Events on their way: `aisle outbox …`. What is read is read beside a gateway that may or may not run; what
 * is changed is changed by the one that runs.
 */

/** How many events wait for whom, and how much room there is. */
export function outboxStatus(config: Config, json: boolean, out: Out): void {
  const limit = quotaOn(diskUnder(config.data), config.retention);
  const counts = withDatabase(config, (db) => outboxCounts(db, { limit }));
  const configured = new Set(config.uplinks.map(uplinkName));
  if (json) return out(JSON.stringify(counts));
  const { waiting, oldestAt, dead } = counts;
  out(
    `waiting          ${waiting}${oldestAt === null ? '' : `, the oldest since ${new Date(oldestAt).toISOString()}`}`,
  );
  for (const uplink of new Set([...configured, ...Object.keys(counts.owed)])) {
    const note = configured.has(uplink) ? '' : ', which is not configured: outbox forget --uplink';
    out(`owed             ${counts.owed[uplink] ?? 0} to ${uplink}${note}`);
  }
  out(`dead letters     ${dead}`);
  out(roomLine(counts, limit));
}

/** Events that an uplink refused for good; `--export` prints the events themselves, as they would be sent. */
export function showDead(config: Config, options: { json?: boolean; export?: boolean }, out: Out): void {
  const letters = withStoredDatabase(config, (db, storeKey) =>
    storedEvents(db, sealing(db, storeKey()).sealed).dead(),
  );
  for (const letter of letters) {
    if (options.export) {
      if (letter.event) out(JSON.stringify(letter.event));
    } else out(options.json ? JSON.stringify(summaryOf(letter)) : lineOf(letter));
  }
}

function summaryOf({ uplink, id, at, reason, event }: DeadLetter) {
  return { uplink, id, at, reason, ...(event && { type: event.type }) };
}

function lineOf({ uplink, id, at, reason, event }: DeadLetter): string {
  return `${at} ${uplink} ${id} ${event?.type ?? 'without its body'}: ${reason}`;
}

/** Puts dead letters back, owed to their uplinks. @throws with a sentence where the disk refuses. */
export async function redrive(config: Config, wanted: Wanted): Promise<Redriven> {
  const { uplink, ids } = wanted;
  if (uplink !== undefined) mustBeConfigured(config, uplink);
  const body = { ...(uplink !== undefined && { uplink }), ...(ids && { ids }) };
  return (await ask(config, '/api/outbox/redrive', body, ({ outbox, now }) =>
    outbox.redrive(wanted, now()),
  )) as Redriven;
}

/** Gives up what is owed to an uplink that is not configured any more. Gives back how many events. */
export async function forget(config: Config, uplink: string): Promise<number> {
  const said = await ask(config, '/api/outbox/forget', { uplink }, ({ outbox, now }) => ({
    forgotten: outbox.forget(uplink, now()),
  }));
  return (said as { forgotten: number }).forgotten;
}

/** Asks the gateway that runs, or does it here. */
async function ask(
  config: Config,
  path: string,
  body: object,
  here: (road: Road) => object,
): Promise<unknown> {
  if (!isLocked(config.data)) return onLocalRoad(config, async (road) => here(road));
  return runningGateway(config)?.post(path, JSON.stringify(body), 'application/json');
}

function mustBeConfigured({ uplinks }: Config, uplink: string): void {
  const names = uplinks.map(uplinkName);
  if (names.includes(uplink)) return;
  throw new Error(`"${uplink}" is none of the uplinks: ${names.join(', ') || 'there are none'}`);
}

export function roomLine({ bytes, level }: OutboxCounts, limit: number): string {
  const mib = (octets: number) => Math.round(octets / MIB);
  return `room             ${mib(bytes)} of ${mib(limit)} MiB: ${level}`;
}
