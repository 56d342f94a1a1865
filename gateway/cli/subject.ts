import type { Config } from '../config.ts';
import { storedState } from '../database.ts';
import { subjectData } from '../privacy/subject-data.ts';
import { sealing } from '../road.ts';
import { onLocalRoad } from './local.ts';
import { runningGateway } from './running.ts';
import { withStoredDatabase } from './stored.ts';

/*
 * The rights of one person, by the profile store's reference (R15, R16). The reference goes in a body,
 * never in a URL, which others log (R23).
 */

/** Everything held of a person, as JSON. @throws with a sentence where nothing is stored yet. */
export async function exportSubject(config: Config, ref: string, at: number): Promise<string> {
  const running = runningGateway(config);
  if (running)
    return JSON.stringify(await running.post('/api/subjects/export', bodyOf(ref), JSON_TYPE), null, 2);
  const data = withStoredDatabase(config, (db, storeKey) => {
    const key = storeKey();
    const stored = storedState(db, key.derive('state'));
    return subjectData(ref, { config, db, stored, sealed: sealing(db, key).sealed, at });
  });
  return JSON.stringify(data, null, 2);
}

/**
 * Erases a person and gives the signed certificate (compact JWS). Asked again it erases what there is, which
 * may be nothing, and certifies that.
 */
export async function eraseSubject(config: Config, ref: string): Promise<string> {
  const running = runningGateway(config);
  const certificate = running
    ? (await running.post('/api/subjects/erase', bodyOf(ref), JSON_TYPE)).certificate
    : await eraseHere(config, ref);
  if (typeof certificate !== 'string') throw new Error('the gateway gave no certificate');
  return certificate;
}

function eraseHere(config: Config, subjectRef: string): Promise<string | undefined> {
  return onLocalRoad(config, async ({ take, now }) => {
    const { purge } = await take({ kind: 'erase', at: now(), subjectRef });
    return purge.find((erasure) => erasure.subjectRef === subjectRef)?.certificate;
  });
}

const JSON_TYPE = 'application/json';

function bodyOf(ref: string): string {
  return JSON.stringify({ ref });
}
