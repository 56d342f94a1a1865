import { existsSync, rmSync } from 'node:fs';
import { auditWriter } from '../audit.ts';
import { type Db, openPrivate } from '../database.ts';
import { migrate, VERSION } from '../migrations.ts';
import { ensureCounts } from '../outbox/counts.ts';
import { beginEpoch, readEpochs } from '../outbox/epochs.ts';
import { statements } from '../outbox/sql.ts';
import { outboxWriter } from '../outbox/writer.ts';
import type { StoreEvent } from '../pipeline/outcome.ts';
import type { SealedEvents } from '../sealed-events.ts';
import { syncFile } from '../synced-file.ts';
import type { Cause } from './boot-check.ts';
import { completeEpochs, countOf, highestIn, oweAgain, settleCounters } from './hang-together.ts';
import { type Mark, progressOf, whyBehind } from './mark.ts';
import { dropPersonal, forgetConsents } from './personal.ts';
import type { Range } from './ranges.ts';
import { copyKeyed, copyNumbered, withOld } from './read-rows.ts';
import { brokenEvents, brokenState, wipeBrokenDead } from './soundness.ts';
import { corruptEvents, type Unreadable, unreadableIn } from './unreadable.ts';

/*
 * A new database out of what an old one still tells: a damaged one, one that is behind, or a backup. It
 * begins an epoch; what hangs together stays sound; what is not there any more is declared in the same
 * transaction.
 */

export interface RebuildParts {
  /** Nothing where there is nothing to read. */
  source: string | undefined;
  draft: string;
  cause: Cause;
  mark: Mark | undefined;
  /** The name of the file that the old database was set aside as. */
  aside: string;
  epoch: string;
  at: number;
  store: { id: string; source: string };
  uplinks: readonly string[];
  stateKey: Buffer;
  /** Opens and seals events of a database. */
  sealing: (db: Db) => SealedEvents;
}

export interface Salvaged {
  events: number;
  dead: number;
  state: number;
  audit: number;
}

export interface Rebuilt {
  salvaged: Salvaged;
  unreadable: Unreadable;
  /** Nobody is recognised until a full list has come. */
  consentsForgotten: boolean;
}

/** Makes the draft, on disk when it returns. @throws where the disk refuses. */
export function rebuild(parts: RebuildParts): Rebuilt {
  for (const end of ['', '-wal', '-shm']) rmSync(`${parts.draft}${end}`, { force: true });
  const db = openPrivate(parts.draft);
  try {
    // Nothing of it counts before it is whole: waited for once, at the end.
    db.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;',
    );
    const losses = parts.source === undefined ? noLosses() : readAll(db, parts.source, parts);
    migrate(db, VERSION, { keepsCopy: false });
    const rebuilt = db.transaction(() => makeSound(db, losses, parts))();
    db.pragma('wal_checkpoint(TRUNCATE)');
    return rebuilt;
  } finally {
    db.close();
    if (existsSync(parts.draft)) syncFile(parts.draft);
  }
}

/** What could not be read. */
interface Losses {
  /** Positions of events that could not be read. */
  events: Range[];
  /** Positions by uplink of which is not known whether they are owed. */
  pending: Map<string, Range[]>;
  state: boolean;
  epochs: boolean;
}

const noLosses = (): Losses => ({ events: [], pending: new Map(), state: false, epochs: false });

const readAll = (db: Db, source: string, parts: RebuildParts): Losses =>
  withOld(db, source, () => readTables(db, parts));

function readTables(db: Db, { mark, uplinks }: RebuildParts): Losses {
  const version = db.pragma('old.user_version', { simple: true }) as number;
  migrate(db, version);
  const losses = noLosses();
  const key = version < 3 ? 'sequence' : 'position';
  copyKeyed(db, 'meta', ['key']);
  copyKeyed(db, 'counters', ['name']);
  losses.state = !copyKeyed(db, 'state', ['kind', 'key']);
  const last = db
    .prepare<[string], number>('SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?')
    .pluck()
    .get(key);
  const highest = Math.max(last ?? 0, mark?.last ?? 0) || UNKNOWN;
  losses.events = copyNumbered(db, { table: 'events', number: key, highest });
  for (const uplink of uplinksIn(db, uplinks)) {
    const lost = copyNumbered(db, { table: 'pending', number: key, uplink, highest });
    if (lost.length > 0) losses.pending.set(uplink, lost);
    copyNumbered(db, { table: 'dead', number: key, uplink, highest });
  }
  if (version >= 2) {
    copyKeyed(db, 'subject_keys', ['tag']);
    copyNumbered(db, { table: 'audit', number: 'n', highest: UNKNOWN });
  }
  if (version >= 3) {
    losses.epochs = copyNumbered(db, { table: 'epochs', number: 'first', highest }).length > 0;
  }
  return losses;
}

/** Where nothing tells how far a table goes. */
const UNKNOWN = 2 ** 40;

/** Those of the configuration and, as far as they can be read, those that events wait for beside. */
function uplinksIn(db: Db, configured: readonly string[]): Set<string> {
  const names = new Set(configured);
  for (const table of ['pending', 'dead']) {
    try {
      const found = db.prepare<[], string>(`SELECT DISTINCT uplink FROM old.${table}`).pluck().all();
      for (const name of found) names.add(name);
    } catch {
      // Damaged: what is owed to an uplink that is not configured is not looked for.
    }
  }
  return names;
}

/** Inside a transaction; the draft is at this version, and has what could be read. */
function makeSound(db: Db, losses: Losses, parts: RebuildParts): Rebuilt {
  const { cause, mark, uplinks, at, epoch } = parts;
  const hasEpoch = db.prepare('SELECT 1 FROM epochs').get() !== undefined;
  if (losses.epochs || !hasEpoch) completeEpochs(db, mark);
  const read = progressOf(db);
  // Of a damaged database the row that counts may be lost.
  const own = { ...read, last: Math.max(read.last, highestIn(db)) };
  const isOld = cause === 'behind' || cause === 'restored' || (mark && whyBehind(mark, own)) !== undefined;
  // Whether the mark is of this very database, or of one that this one tells nothing of.
  const ofThis = mark && isEpochOf(db, mark) ? mark : undefined;
  const ofOther = ofThis ? undefined : mark;
  const last = Math.max(own.last, ofThis?.last ?? 0);

  const sealed = parts.sealing(db);
  const useless = removeUseless(db, sealed, isOld);
  const unreadable = unreadableIn(db, {
    ranges: losses.events,
    positions: useless,
    // What came after, in the database that this one is behind.
    tail: last > own.last ? [[own.last + 1, last]] : [],
    leftOut: takeLeftOut(db),
    isPendingWhole: losses.pending.size === 0,
    last,
    uplinks,
    other: ofOther,
  });
  oweAgain(db, losses.pending, uplinks);
  wipeBrokenDead(db, sealed);
  const isConsentBroken = removeBrokenState(db, parts.stateKey) || losses.state;
  const consentsForgotten = isOld || isConsentBroken;
  if (consentsForgotten) forgetConsents(db);

  const salvaged = {
    events: countOf(db, 'events'),
    dead: countOf(db, 'dead'),
    state: countOf(db, 'state'),
    audit: countOf(db, 'audit'),
  };
  settleCounters(db, last, unreadable.count);
  const old = ofOther
    ? { epoch: ofOther.epoch, last: ofOther.last - ofOther.first + 1 }
    : { epoch: own.epoch, last: last - own.first + 1 };
  beginEpoch(db, epoch);
  const what = cause === 'restored' ? 'restored' : 'salvaged';
  auditWriter(db)([{ what, detail: `${cause}, epoch ${old.epoch} to ${epoch}` }], at);
  const said = { ...old, nextEpoch: epoch, cause, salvaged, consentsForgotten, setAside: parts.aside, at };
  append(db, corruptEvents(unreadable, { storeId: parts.store.id, ...said }), sealed, parts);
  ensureCounts(db);
  return { salvaged, unreadable, consentsForgotten };
}

const isEpochOf = (db: Db, { epoch, first }: Mark): boolean =>
  db.prepare('SELECT 1 FROM epochs WHERE first = ? AND epoch = ?').get(first, epoch) !== undefined;

/** Events that cannot be delivered as they were stored, or must not be any more; gives their positions. */
function removeUseless(db: Db, sealed: SealedEvents, isOld: boolean): number[] {
  const broken = brokenEvents(db, sealed);
  const remove = db.prepare('DELETE FROM events WHERE position = ?');
  for (const position of broken) remove.run(position);
  return [...broken, ...(isOld ? dropPersonal(db) : [])];
}

/** True where a consent, the list in force or a choice was among them. */
function removeBrokenState(db: Db, stateKey: Buffer): boolean {
  const broken = brokenState(db, stateKey);
  const remove = db.prepare('DELETE FROM state WHERE kind = ? AND key = ?');
  for (const { kind, key } of broken) remove.run(kind, key);
  return broken.some(({ kind }) => ['consent', 'consent-list', 'shop-choice'].includes(kind));
}

/** Sequences, by epoch, that a backup says it was made without. */
function takeLeftOut(db: Db): [epoch: string, ranges: Range[]][] {
  const text = db.prepare<[string], string>('SELECT value FROM meta WHERE key = ?').pluck().get(BACKUP);
  db.prepare('DELETE FROM meta WHERE key = ?').run(BACKUP);
  return text === undefined ? [] : (JSON.parse(text) as BackupNote).leftOut;
}

/** The key in `meta` of what a backup says of itself. */
export const BACKUP = 'backup';

/** What a backup says of itself. */
export interface BackupNote {
  /** ms since the epoch. */
  at: number;
  /** Sequences that it was made without, by epoch. */
  leftOut: [epoch: string, ranges: Range[]][];
}

function append(db: Db, events: readonly StoreEvent[], sealed: SealedEvents, parts: RebuildParts): void {
  const writer = outboxWriter(statements(db), {
    source: parts.store.source,
    storeId: parts.store.id,
    uplinks: parts.uplinks,
    epochs: readEpochs(db),
    sealed,
    // No person's event is among them.
    forget: () => {},
    personalHours: 0,
  });
  writer.begin();
  for (const event of events) writer.append(event, parts.at);
  writer.end();
}
