import type { Db } from '../database.ts';

/*
 * What of a database must not come back when it is an old one, by a restore or otherwise: whoever took their
 * consent back or was erased since would be recognised again, and told of (P14, R6, R15). Consents come anew
 * from the platform's list; until then nobody is recognised.
 */

/** Consents, what rests on them, and where the platform's messages were read up to: the list comes anew. */
export const RECOGNITION = "kind IN ('consent', 'consent-list', 'cursor', 'visit', 'tag-clock')";
/** A grant made in the shop; a withdrawal stays, and beats any list. */
export const GRANTED_HERE =
  "kind = 'shop-choice' AND (NOT json_valid(value) OR json_extract(value, '$.choice') IS NOT 'withdrawn')";

/** Nobody is recognised until a full list has come. */
export function forgetConsents(db: Db): void {
  db.exec(`DELETE FROM state WHERE ${RECOGNITION}; DELETE FROM state WHERE ${GRANTED_HERE};`);
}

/** Events of persons, waiting and refused, and their keys; gives the positions of those that waited. */
export function dropPersonal(db: Db): number[] {
  const positions = db
    .prepare<[], number>('SELECT position FROM events WHERE subject IS NOT NULL ORDER BY position')
    .pluck()
    .all();
  db.exec(`DELETE FROM events WHERE subject IS NOT NULL;
    DELETE FROM dead WHERE subject IS NOT NULL;
    DELETE FROM subject_keys;`);
  return positions;
}
