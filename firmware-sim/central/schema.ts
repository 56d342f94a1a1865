/**
 * The tables of the receiving side. `events` is the one truth, and (`source`, `id`) its key
 * (CloudEvents 1.0 §3.1): a second delivery has no second effect, however late it comes. `states` is what
 * was last said of a thing, and can be made again from `events` at any time.
 */
export const TABLES = `
  CREATE TABLE events (
    source      text NOT NULL,
    id          text NOT NULL,
    type        text NOT NULL,
    epoch       text,
    sequence    bigint,
    subject_ref text,
    visit_id    text,
    record_id   text,
    event       jsonb NOT NULL,
    n           bigint GENERATED ALWAYS AS IDENTITY,
    -- Who reads on from a place must not pass a transaction that is still under way.
    tx          xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (source, id)
  );
  CREATE INDEX events_in_order ON events (tx, n);
  CREATE INDEX events_by_sequence ON events (source, epoch, sequence) WHERE sequence IS NOT NULL;
  CREATE INDEX events_by_subject ON events (subject_ref) WHERE subject_ref IS NOT NULL;
  CREATE INDEX events_by_visit ON events (visit_id) WHERE visit_id IS NOT NULL;
  CREATE INDEX events_by_record ON events (record_id) WHERE record_id IS NOT NULL;
  CREATE INDEX gaps ON events (source) WHERE type = 'aisle.gateway.gap.v1';

  -- What can never be an event: set aside with the reason, acknowledged, and blocking nothing.
  CREATE TABLE dead_letters (
    digest  bytea PRIMARY KEY,
    address text NOT NULL,
    reason  text NOT NULL,
    body    bytea NOT NULL,
    at      timestamptz NOT NULL DEFAULT now()
  );

  -- An epoch is random and says nothing of before and after: the first recordedtime known of each does.
  CREATE TABLE epochs (
    source text NOT NULL,
    epoch  text NOT NULL,
    began  timestamptz NOT NULL,
    PRIMARY KEY (source, epoch)
  );

  -- By epoch, so that it is the same whichever epoch arrives first.
  CREATE TABLE states (
    source   text NOT NULL,
    kind     text NOT NULL,
    key      text NOT NULL,
    epoch    text NOT NULL,
    sequence bigint NOT NULL,
    value    jsonb NOT NULL,
    PRIMARY KEY (source, kind, key, epoch)
  );

  -- Deliveries that were committed, for those who watch; redelivered ones have no effect but here.
  CREATE TABLE workers (
    name        text PRIMARY KEY,
    deliveries  bigint NOT NULL DEFAULT 0,
    redelivered bigint NOT NULL DEFAULT 0,
    duplicates  bigint NOT NULL DEFAULT 0,
    dead        bigint NOT NULL DEFAULT 0
  );

  CREATE TABLE downlink (
    n       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address text NOT NULL,
    message text NOT NULL,
    sent_at timestamptz
  );
  CREATE INDEX downlink_unsent ON downlink (n) WHERE sent_at IS NULL;

  CREATE VIEW current_states AS
    SELECT DISTINCT ON (source, kind, key) source, kind, key, sequence, value
    FROM states JOIN epochs USING (source, epoch)
    ORDER BY source, kind, key, began DESC, epoch DESC;

  -- What a gateway removed and said so (contract, "gateway.gap").
  CREATE VIEW declared AS
    SELECT source, event->'data'->>'epoch' AS epoch, (r->>0)::bigint AS first, (r->>1)::bigint AS last
    FROM events, jsonb_array_elements(coalesce(event->'data'->'ranges',
      jsonb_build_array(jsonb_build_array(event->'data'->'from', event->'data'->'to')))) AS r
    WHERE type = 'aisle.gateway.gap.v1';

  -- Sequences that neither came nor are declared. Those of the last minute can still be on their way.
  CREATE VIEW holes AS
    SELECT source, epoch, first, last FROM (
      SELECT source, epoch, lag(sequence, 1, 0) OVER w + 1 AS first, sequence - 1 AS last
      FROM events WHERE sequence IS NOT NULL
      WINDOW w AS (PARTITION BY source, epoch ORDER BY sequence)) AS between_two
    WHERE first <= last AND EXISTS (
      SELECT 1 FROM generate_series(first, last) AS missing
      WHERE NOT EXISTS (SELECT 1 FROM declared AS d
        WHERE d.source = between_two.source AND d.epoch = between_two.epoch
          AND missing BETWEEN d.first AND d.last));

  -- Boxes that give themselves out as one: an epoch goes on although a later one of that name has begun.
  CREATE VIEW twins AS
    SELECT DISTINCT source, events.epoch FROM events JOIN epochs AS later USING (source)
    WHERE events.epoch <> later.epoch AND (event->>'recordedtime')::timestamptz > later.began
      AND (SELECT began FROM epochs AS own WHERE own.source = events.source AND own.epoch = events.epoch)
        < later.began;

  -- How long ago a gateway stored what came last of it: a shop that is cut off grows old here.
  CREATE VIEW ages AS
    SELECT source, now() - max((event->>'recordedtime')::timestamptz) AS age FROM events
    WHERE sequence IS NOT NULL GROUP BY source;
`;
