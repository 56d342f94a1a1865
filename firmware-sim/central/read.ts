import type { ClientBase } from 'pg';
import type { CloudEvent } from '../profile-store/cloud-event.ts';
import { type Profile, project } from '../profile-store/projection.ts';

/** An event as it lies in PostgreSQL. */
export interface CommittedEvent {
  /** Time of the commit, ms since the epoch. */
  receivedAt: number;
  event: CloudEvent;
}

/** Where a reader stands. */
export interface Cursor {
  tx: string;
  n: string;
}

export const FIRST: Cursor = { tx: '0', n: '0' };

// A transaction that began earlier can end later: only what lies before the oldest that is under way is
// complete, and a reader that went beyond would never come back for the rest.
const PAGE = `
  SELECT tx, n, event, extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 AS at FROM events
  WHERE (tx, n) > ($1::xid8, $2::bigint) AND tx < pg_snapshot_xmin(pg_current_snapshot())
  ORDER BY tx, n LIMIT $3`;

/** Events after the cursor, each exactly once, and the cursor to ask with next. */
export async function eventsAfter(
  client: ClientBase,
  after: Cursor,
  limit: number,
): Promise<{ events: CommittedEvent[]; next: Cursor }> {
  const { rows } = await client.query<Cursor & { event: CloudEvent; at: string }>(PAGE, [
    ...[after.tx, after.n, limit],
  ]);
  const last = rows.at(-1);
  return {
    events: rows.map(({ event, at }) => ({ event, receivedAt: Math.round(Number(at)) })),
    next: last ? { tx: last.tx, n: last.n } : after,
  };
}

/** Everything, in the order of its commits. */
export async function committedEvents(client: ClientBase): Promise<CommittedEvent[]> {
  const { rows } = await client.query<{ event: CloudEvent; at: string }>(
    `SELECT event, extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 AS at FROM events
     ORDER BY pg_xact_commit_timestamp(xmin), n`,
  );
  return rows.map(({ event, at }) => ({ event, receivedAt: Math.round(Number(at)) }));
}

// A withdrawal names its visit or its record only, an erasure its records only (contract, "Events"): both
// are found through what the subject's own events named.
const EVENTS_OF = `
  WITH own AS (SELECT * FROM events WHERE subject_ref = $1)
  SELECT event FROM own
  UNION ALL
  SELECT event FROM events WHERE subject_ref IS NULL AND (
    visit_id IN (SELECT visit_id FROM own)
    OR (type = 'aisle.consent.withdrawn.v1' AND record_id IN (SELECT record_id FROM own))
    OR (type = 'aisle.subject.erased.v1'
        AND event->'data'->'recordIds' ?| ARRAY(SELECT record_id FROM own WHERE record_id IS NOT NULL)))`;

/** The profile that the events tell of, whatever the order in which they came; nothing where there are none. */
export async function profileOf(client: ClientBase, ref: string): Promise<Profile | undefined> {
  const { rows } = await client.query<{ event: CloudEvent }>(EVENTS_OF, [ref]);
  return project(
    ref,
    rows.map(({ event }) => event),
  );
}
