import type { SubjectKeys } from '../subject-keys.ts';
import type { OnTheWay } from './on-the-way.ts';
import { inOrder } from './shed.ts';
import type { Row, Statements } from './sql.ts';
import type { OutboxWriter } from './writer.ts';

/** Events that one look takes out, or looks at, at most: the next goes on. */
const AT_ONCE = 1_000;
const DAY = 86_400_000;

/** How long undelivered events wait (P6); those of class A for ever. */
export interface TimeToLive {
  /** Personal ones of class B, which wins. */
  personalHours: number;
  businessDays: number;
  telemetryDays: number;
}

/**
 * Takes out what waited too long, declared, inside a transaction; dead letters of people lose their bodies.
 * `age` is the outbox's own clock (`age.ts`). True where there may be more of it.
 */
export function expiring(
  sql: Statements,
  writer: OutboxWriter,
  onTheWay: OnTheWay,
  { ttl, subjectKeys }: { ttl: TimeToLive; subjectKeys: SubjectKeys },
): { expire(age: number, at: number): boolean; lookAgainFrom(position: number): void } {
  /** Nothing of class B before it is too old. In memory: a start looks from the beginning. */
  let looked = 0;

  const isStill = ({ position }: Row) => !onTheWay.has(position);

  /** From the front of the queue, which is its oldest end, as far as events are too old. */
  function dueBusiness(before: number): { due: Row[]; isMore: boolean } {
    const rows = sql.from.all(looked, AT_ONCE);
    const young = rows.findIndex((row) => row.class === 'B' && !(row.time <= before && isStill(row)));
    const old = young === -1 ? rows : rows.slice(0, young);
    const due = old.filter((row) => row.class === 'B');
    // Not beyond what goes now: where the disk refuses, it is still there.
    looked = due[0]?.position ?? (old.at(-1)?.position ?? looked - 1) + 1;
    return { due, isMore: old.length === AT_ONCE };
  }

  function expire(age: number, at: number): boolean {
    const personal = sql.expired.all(age, AT_ONCE).filter(isStill);
    writer.removeAndDeclare(inOrder(personal), 'expired', at);
    const business = dueBusiness(age - ttl.businessDays * DAY);
    writer.removeAndDeclare(business.due, 'expired', at);
    const telemetry = sql.oldTelemetry.all(age - ttl.telemetryDays * DAY, AT_ONCE).filter(isStill);
    writer.removeAndDeclare(inOrder(telemetry), 'expired', at);
    sql.expireDead.run(age);
    subjectKeys.tidy();
    return business.isMore || Math.max(personal.length, telemetry.length) === AT_ONCE;
  }

  return {
    expire,
    lookAgainFrom(position) {
      looked = Math.min(looked, position);
    },
  };
}
