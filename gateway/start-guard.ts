import type { Config } from './config.ts';
import type { Db } from './database.ts';

/*
 * R29: what a start refuses, so that data of tests and demonstrations never meets a real store's keys, and
 * no log prints what devices said. `aisle check` says the same.
 */

/** `trace` is not one: it is where libraries print payloads. */
const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const;
export type LogLevel = (typeof LEVELS)[number];

/** A demonstration's store, or a test's: `demo`, `test-lyon`; a store called `testerton` is a real one. */
const TRIAL_STORE = /^(demo|test)([-_]|$)/i;
const TRIAL_KEY = /^(demo|test)-/i;

/** The libraries that carry messages print each of them where `DEBUG` asks for it. */
const PRINTS_MESSAGES = /(^|[\s,])(\*|mqtt)/i;

/** What of the process's environment decides over its log. */
export interface LogEnvironment {
  AISLE_LOG?: string | undefined;
  DEBUG?: string | undefined;
}

/**
 * The level of `AISLE_LOG`, `info` where it is not set.
 * @throws with a sentence where it is none that a shop may run with, or a library would print messages.
 */
export function logLevel({ AISLE_LOG: text, DEBUG = '' }: LogEnvironment): LogLevel {
  if (PRINTS_MESSAGES.test(DEBUG)) {
    throw new Error(`DEBUG: "${DEBUG}" would print what devices send: unset it`);
  }
  if (text === undefined || text === '') return 'info';
  const level = LEVELS.find((known) => known === text);
  if (level !== undefined) return level;
  const why = text === 'trace' ? 'would print what devices send' : 'is no level';
  throw new Error(`AISLE_LOG: "${text}" ${why}: use one of ${LEVELS.join(', ')}`);
}

/** Why a gateway must not start with this configuration; nothing where it may. */
export function startProblems({ store, consents, storeKeyFile }: Config): string[] {
  if (TRIAL_STORE.test(store.id)) {
    return storeKeyFile === undefined
      ? []
      : [
          `storeKeyFile: store "${store.id}" is a demonstration's or a test's and draws its own key: leave it out`,
        ];
  }
  return consents.issuerKeys
    .filter(({ kid }) => TRIAL_KEY.test(kid))
    .map(
      ({ kid }) =>
        `consents.issuerKeys: ${kid} is a key of a demonstration or test; store "${store.id}" is neither: take it out`,
    );
}

/** @throws with the first of `startProblems`. */
export function refuseTrialKeys(config: Config): void {
  const [problem] = startProblems(config);
  if (problem !== undefined) throw new Error(problem);
}

/** Why this database is not this configuration's; nothing where it is, or is nobody's yet. */
export function foreignOwner(db: Db, { data, store }: Config): string | undefined {
  const owner = db.prepare<[string], { value: string }>('SELECT value FROM meta WHERE key = ?').get(MARK);
  if (!owner || owner.value === nameOf(store)) return undefined;
  return `data: ${data} belongs to ${owner.value}, this configuration is of ${nameOf(store)}: give it a data folder of its own`;
}

/**
 * Marks the database as this store's at its first start.
 * @throws with a sentence where it is another's.
 */
export function claimDatabase(db: Db, config: Config): void {
  const foreign = foreignOwner(db, config);
  if (foreign !== undefined) throw new Error(foreign);
  db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING').run(MARK, nameOf(config.store));
}

const MARK = 'store';

function nameOf({ id, gateway }: Config['store']): string {
  return `store ${id}, gateway ${gateway}`;
}
