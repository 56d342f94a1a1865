import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Config, readConfig } from '../../gateway/config.ts';
import { openDatabase } from '../../gateway/database.ts';
import { dropCopies, VERSION } from '../../gateway/migrations.ts';
import { hasStrace, runUpTo } from '../support/kill-at.ts';
import { judge, type LedgerEvent } from '../support/ledger.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { press, type Running, run } from './salvage-box.ts';

const DATABASES = fileURLToPath(new URL('databases/', import.meta.url));
const MODULE = new URL('../../gateway/database.ts', import.meta.url).href;
const versions = [1, 2, 3];

interface Made {
  uplink: string;
  at: number;
  acknowledged: string[];
  delivered: LedgerEvent[];
}

/** A box as a gateway of that version left it. */
function boxOf(version: number): Made & { config: Config; file: string } {
  const folder = temporaryFolder();
  const made = JSON.parse(readFileSync(join(DATABASES, `version-${version}.json`), 'utf8')) as Made;
  mkdirSync(join(folder, 'data'));
  for (const [from, to] of [
    ['db', 'aisle.db'],
    ['key', 'store.key'],
  ] as const) {
    copyFileSync(join(DATABASES, `version-${version}.${from}`), join(folder, 'data', to));
  }
  writeFileSync(
    join(folder, 'aisle.yaml'),
    `store: {id: s1, gateway: g1, timezone: Europe/Paris, notice: {id: n1, version: "1", languages: [fr]}}
mode: identify
map: {zones: [{id: shoes, polygon: [[0, 0], [5, 0], [5, 5], [0, 5]]}]}
devices: [{id: app, kind: shopper-app}, {id: b1, kind: smart-button, zone: shoes}]
clock: {source: trusted}
uplinks: [{kind: http, url: "${made.uplink}"}]
`,
  );
  const config = readConfig(join(folder, 'aisle.yaml'));
  return { ...made, config, file: join(config.data, 'aisle.db') };
}

function started({ config, at }: { config: Config; at: number }): Running {
  const road = run(config, { wall: () => at + 60_000 });
  onTestFinished(() => road.close());
  return road;
}

const idsIn = (events: readonly LedgerEvent[]) => events.map(({ id }) => id);

describe('P10, F29: a database of an earlier version', () => {
  it.each(versions)('%i keeps its backlog: every event is delivered under its id, in order', (version) => {
    const box = boxOf(version);
    const old = new Database(box.file, { readonly: true });
    const waited = old
      .prepare<[], string>("SELECT json_extract(body, '$.id') FROM events ORDER BY 1")
      .pluck()
      .all();
    old.close();
    expect(waited).toHaveLength(22);
    const road = started(box);
    expect(idsIn(road.waiting())).toEqual(waited);
    expect(road.outbox.counts()).toMatchObject({ waiting: 22, epoch: String(waited[0]).slice(0, 8) });
    const delivered = road.deliver(100);
    expect(idsIn(delivered)).toEqual(waited);
    expect(judge({ acknowledged: box.acknowledged, committed: [...box.delivered, ...delivered] })).toEqual(
      [],
    );
    expect(
      delivered.filter(({ data }) => (data as { subject?: unknown }).subject !== undefined),
    ).toHaveLength(2);
  });

  it.each(versions)('%i goes on in its epoch, with consents, visits and replay numbers', async (version) => {
    const box = boxOf(version);
    const road = started(box);
    const [last] = road.waiting().slice(-1);
    await road.store(press(1_000));
    const [next] = road.waiting().slice(-1);
    expect(next?.epoch).toBe(last?.epoch);
    expect(Number(next?.sequence)).toBeGreaterThan(Number(last?.sequence));
    expect(
      judge({ acknowledged: box.acknowledged, committed: box.delivered, waiting: road.waiting() }),
    ).toEqual([]);
    expect(road.pipeline.recognises(road.now()).ok).toBe(true);
    expect([...road.pipeline.recordIds()]).toEqual(['c1']);
    // A press that was acknowledged to the old version, sent again.
    const payload = Buffer.from(JSON.stringify({ button: 1, press: 'press', boot: 'b1', seq: 25 }));
    const message = {
      kind: 'message' as const,
      topic: 'devices/b1/pressed',
      device: 'b1',
      payload,
      at: road.now(),
    };
    const before = road.outbox.next();
    await road.take(message);
    expect(road.outbox.next()).toBe(before);
  });

  it.each(versions)('%i can still be erased from: the person’s events and keys go', async (version) => {
    const road = started(boxOf(version));
    expect(road.outbox.waitingOf('p_1')).toBe(2);
    await road.take({ kind: 'erase', subjectRef: 'p_1', at: road.now() });
    expect(road.outbox.waitingOf('p_1')).toBe(0);
    expect(road.db.prepare('SELECT count(*) FROM subject_keys').pluck().get()).toBe(0);
  });

  it('is copied before the first step, for its owner alone, and the copy goes when the start got through', () => {
    const box = boxOf(1);
    openDatabase(box.config.data).close();
    const copy = `${box.file}.version-1`;
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    const old = new Database(copy, { readonly: true });
    expect(old.pragma('user_version', { simple: true })).toBe(1);
    expect(old.prepare('SELECT count(*) FROM events').pluck().get()).toBe(22);
    old.close();
    started(box);
    expect(existsSync(copy)).toBe(false);
  });

  it('whose copy has no room is refused with a sentence, and left as it is', () => {
    const box = boxOf(2);
    const before = readFileSync(box.file);
    // A folder in the copy's place stands for a disk that refuses it.
    mkdirSync(`${box.file}.version-2.part`);
    expect(() => openDatabase(box.config.data)).toThrow(
      /is of version 2, and a copy of it cannot be made .*: give the data folder room/,
    );
    expect(readFileSync(box.file).equals(before)).toBe(true);
  });
});

describe('P10: a database of a newer version', () => {
  it('is refused with a sentence, and left as it is', () => {
    const box = boxOf(2);
    const db = new Database(box.file);
    db.pragma(`user_version = ${VERSION + 1}`);
    db.close();
    const before = readFileSync(box.file);
    expect(() => run(box.config)).toThrow(
      new RegExp(
        `aisle\\.db: is of a newer Aisle \\(version ${VERSION + 1}, this one knows ${VERSION}\\): install that one again`,
      ),
    );
    expect(readFileSync(box.file).equals(before)).toBe(true);
    expect(readdirSync(box.config.data).filter((name) => name.includes('corrupt'))).toEqual([]);
  });
});

describe('P7, P10: kill -9 in the middle of a migration', () => {
  const open = `const { openDatabase } = await import('${MODULE}'); openDatabase(process.argv[1]).close();`;

  it.runIf(hasStrace).each([1, 4, 11])(
    'at its %i. write leaves a database that the next start brings up',
    (nth) => {
      const box = boxOf(1);
      const point = { syscall: 'pwrite64', files: [`${box.file}-wal`, box.file], nth };
      const killed = runUpTo(point, open, box.config.data);
      expect(killed.signal).toBe('SIGKILL');
      const road = started(box);
      expect(road.db.pragma('user_version', { simple: true })).toBe(VERSION);
      expect(
        judge({ acknowledged: box.acknowledged, committed: [...box.delivered, ...road.deliver(100)] }),
      ).toEqual([]);
      expect(readdirSync(box.config.data).filter((name) => name.includes('version'))).toEqual([]);
    },
  );
});

it('copies are all that is removed', () => {
  const folder = temporaryFolder();
  const names = [
    'aisle.db',
    'aisle.db.version-1',
    'aisle.db.version-2.part',
    'aisle.db.version-x',
    'aisle_db.version-1',
  ];
  for (const name of names) writeFileSync(join(folder, name), '');
  dropCopies(join(folder, 'aisle.db'));
  expect(readdirSync(folder).sort()).toEqual(['aisle.db', 'aisle.db.version-x', 'aisle_db.version-1']);
});
