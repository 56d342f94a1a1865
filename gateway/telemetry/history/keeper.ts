import { type Db, isDamage } from '../../database.ts';
import { sameFileGuard } from '../../same-file.ts';
import type { WholeQuery } from '../series-query.ts';
import { DAY_MS, Damaged, MINUTE_MS } from './chunks.ts';
import { deleteFile, deleteJournal, needRoom, openFile } from './file.ts';
import { look, type Wanted } from './look.ts';
import type { AnswerLine, SeriesName, ThreadData, ThreadState } from './messages.ts';
import { codeOf, sentenceOf } from './refusal.ts';
import { openRings, type Rings } from './rings.ts';
import { createWaiting, tagsText } from './waiting.ts';

/** The history itself, in its thread. Nothing that the disk does throws out of it but for a query. */
export interface Keeper {
  /** `series` get the next numbers; `rows` are of any that has one. Nothing goes for its age unless the clock is sure. */
  take(taken: Taken, isClockSure: boolean): void;
  /** Writes what waits. Where the disk refuses it waits on, and the oldest goes where it becomes too much. */
  flush(): void;
  /** @throws with a sentence where the file cannot be read. */
  query(query: WholeQuery): AnswerLine[];
  state(): ThreadState;
  close(): void;
}

interface Taken {
  series: readonly SeriesName[];
  rows: Float64Array;
  samples: number;
}

type KeeperParts = Omit<ThreadData, 'flushMs'>;

interface Opened {
  db: Db;
  rings: Rings;
  /** Throws where the file under its name is another one by now, or none. */
  guard: () => void;
}

export function openKeeper(parts: KeeperParts, told: (text: string) => void): Keeper {
  const { file, keepFree, maxBytes } = parts;
  const names: SeriesName[] = [];
  /** The ids in the file of the series by number; none for one that it has no room for. */
  const ids: (number | undefined)[] = [];
  const waiting = createWaiting();
  const counts = { taken: 0, written: 0, dropped: 0 };
  let isSure = true;
  let open: Opened | undefined;
  let reason: string | undefined;

  function opened(): Opened {
    if (open) return open;
    const db = openFile(file, maxBytes, told);
    try {
      open = { db, rings: openRings(db, parts), guard: sameFileGuard(file) };
      return open;
    } catch (error) {
      db.close();
      // No such table, no such column: a database, and not ours.
      throw codeOf(error) === 'SQLITE_ERROR' ? new Damaged('tables that are not ours') : error;
    }
  }

  /** SQLite would go on writing to a file that has no name any more. */
  function followName(): void {
    try {
      open?.guard();
    } catch (error) {
      if (codeOf(error) !== 'SQLITE_READONLY_DBMOVED') throw error;
      shut();
      deleteJournal(file);
      told(`${file} was taken away or replaced: the history goes on in what lies there now`);
    }
  }

  function shut(): void {
    ids.length = 0;
    const db = open?.db;
    open = undefined;
    try {
      db?.close();
    } catch {
      // A disk that refuses refuses this too; what was committed is in the journal.
    }
  }

  /** Runs `work` on the file; a damaged one is made anew, and asked once more. */
  function onFile<T>(work: (file: Opened) => T): T {
    try {
      return work(opened());
    } catch (error) {
      if (!isDamage(error)) throw error;
      shut();
      deleteFile(file);
      told(`${file} is damaged: it is made anew, and charts begin now; no event is concerned`);
      return work(opened());
    }
  }

  function write({ db, rings }: Opened): { written: number; late: number } {
    const since = Math.floor((waiting.now() - DAY_MS) / MINUTE_MS);
    return db.transaction(() => {
      let written = 0;
      let late = 0;
      for (const [minute, bySeries] of waiting.minutes()) {
        for (const [number, { windows, samples }] of bySeries) {
          const id = minute < since ? undefined : idOf(rings, number);
          if (id === undefined) late += samples;
          else {
            rings.putMinute(minute, id, windows);
            written += samples;
          }
        }
      }
      if (rings.turn(waiting.now(), isSure)) ids.length = 0;
      return { written, late };
    })();
  }

  function flush(): void {
    if (waiting.samples() === 0 && reason === undefined) return;
    try {
      needRoom(file, keepFree);
      followName();
      const { written, late } = onFile(write);
      counts.written += written;
      counts.dropped += late;
      waiting.clear();
      reason = undefined;
    } catch (error) {
      // Ids that were given in the transaction are not.
      ids.length = 0;
      reason = sentenceOf(error);
      if (codeOf(error) === 'SQLITE_FULL') makeRoom();
      counts.dropped += waiting.trim();
    }
  }

  function idOf(rings: Rings, number: number): number | undefined {
    const name = names[number];
    if (!name) return undefined;
    ids[number] ??= rings.idOf(name.measurement, name.field, tagsText(name));
    return ids[number];
  }

  /** The file's own bound was met: the oldest day makes room for the next minutes. */
  function makeRoom(): void {
    try {
      open?.rings.giveUpOldest();
    } catch {
      // The disk is full as well: there is room later.
    }
  }

  function wantedBy({ measurement, field, tags }: WholeQuery, rings: Rings): Wanted[] {
    const wanted = new Map<string, Wanted>();
    for (const { id, tags: text } of rings.seriesOf(measurement, field.name))
      wanted.set(text, { tags: tagsOf(text), id });
    for (const [number, name] of names.entries()) {
      if (name.measurement !== measurement || name.field !== field.name) continue;
      const text = tagsText(name);
      const known = wanted.get(text) ?? { tags: name.tags };
      wanted.set(text, { ...known, waiting: (minute) => waiting.minute(minute, number) });
    }
    // As InfluxDB has it: a tag that a series has not is empty.
    const fits = (one: Wanted) => tags.every(([tag, value]) => (one.tags[tag] ?? '') === value);
    return [...wanted.values()].filter(fits);
  }

  return {
    take({ series, rows, samples }, isClockSure) {
      isSure = isClockSure;
      names.push(...series);
      waiting.take(rows);
      counts.taken += samples;
      if (waiting.isMany()) flush();
    },
    flush,
    query(query) {
      const waitingHours = waiting.hours();
      try {
        return onFile(({ rings }) => look(query, wantedBy(query, rings), { rings, waitingHours }));
      } catch (error) {
        throw new Error(sentenceOf(error));
      }
    },
    state: () => ({
      ok: reason === undefined,
      ...(reason !== undefined && { reason }),
      ...counts,
      waiting: waiting.samples(),
    }),
    close: shut,
  };
}

/** @throws where the row is not as it was written. */
function tagsOf(text: string): SeriesName['tags'] {
  try {
    return JSON.parse(text);
  } catch {
    throw new Damaged('tags that are no JSON');
  }
}
