import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { verifyAudit } from '../../gateway/audit.ts';
import { addDevice } from '../../gateway/cli/devices.ts';
import { withDatabase } from '../../gateway/cli/stored.ts';
import { readConfig } from '../../gateway/config.ts';
import { outboxCounts } from '../../gateway/outbox/counts.ts';
import { committedAt } from '../support/book.ts';
import { anonymousShop } from '../support/button-shop.ts';
import { launchGateway } from '../support/gateway-process.ts';
import { hasStrace, runUpTo } from '../support/kill-at.ts';
import { judge, type LedgerEvent } from '../support/ledger.ts';
import { presser } from '../support/presser.ts';
import { openShop } from '../support/shop.ts';
import { hasSqlite3, sqlite3 } from '../support/sqlite3.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import {
  type Box,
  causes,
  consents,
  corruptsIn,
  openBox,
  personal,
  press,
  presses,
  type Running,
  seldom,
  started,
  YAML,
} from './salvage-box.ts';

const PAGE = 4096;
const PRESSES = 3_000;

const templates = new Map<number, Box>();
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A database of presses, a consent and a person's event; closed, so that all of it lies in one file. */
async function filled(count = PRESSES): Promise<Box> {
  const box = templates.get(count) ?? (await fill(count));
  templates.set(count, box);
  return box.killed();
}

async function fill(count: number): Promise<Box> {
  const folder = mkdtempSync(join(tmpdir(), 'aisle-'));
  folders.push(folder);
  const box = openBox(folder);
  const road = box.open();
  await road.take(consents());
  await road.store(...presses(1, count));
  await road.store(personal('p_1', 'v1'));
  road.close();
  return box;
}

function damage(file: string, at: number, octets = PAGE, value = 0xa5): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.alloc(octets, value), 0, octets, at);
  closeSync(descriptor);
}

/** Numbers of the pages that a table or index lies on, by their kind: leaf, internal or overflow. */
function pagesOf(file: string, name: string, kind = 'leaf'): number[] {
  const db = new Database(file, { readonly: true });
  try {
    const pages = db
      .prepare<[string, string], number>(
        'SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY path',
      )
      .pluck()
      .all(name, kind);
    if (pages.length === 0) throw new Error(`${name} has no ${kind} page`);
    return pages;
  } finally {
    db.close();
  }
}

const startOf = (page: number): number => (page - 1) * PAGE;

/** What is broken, were everything that waits delivered, after `delivered`. */
const judged = (road: Running, acknowledged: string[], delivered: LedgerEvent[] = []): string[] => {
  const ids = new Set(delivered.map(({ id }) => id));
  return judge({
    acknowledged,
    committed: delivered,
    waiting: road.waiting().filter(({ id }) => !ids.has(id)),
  });
};

const asidesOf = ({ config }: Box): string[] =>
  readdirSync(config.data).filter((name) => name.startsWith('aisle.db.corrupt-'));

const readable = (road: Running): number =>
  road.waiting().filter(({ type }) => type === 'aisle.button.pressed.v1').length;

const moduleOf = (name: string): string => new URL(`../../gateway/${name}.ts`, import.meta.url).href;

describe('P8, F8: a start on a database', () => {
  it('that is sound changes nothing, and begins no epoch', async () => {
    const box = await filled(10);
    const road = started(box);
    expect(corruptsIn(road.waiting())).toEqual([]);
    expect(asidesOf(box)).toEqual([]);
    expect(judged(road, causes(1, 10))).toEqual([]);
    expect(road.pipeline.recognises(road.now()).ok).toBe(true);
  });

  it('whose middle pages of events are damaged keeps all others, and declares exactly what is gone', async () => {
    const box = await filled();
    const leaves = pagesOf(box.file, 'events');
    for (const place of [3, 4, 200]) damage(box.file, startOf(leaves[place] ?? 0));
    const road = started(box);
    const [corrupt] = corruptsIn(road.waiting());
    expect(corrupt).toMatchObject({ storeId: 's1', cause: 'damaged', nextEpoch: road.outbox.counts().epoch });
    const unreadable = corrupt?.unreadable as [number, number][];
    expect(unreadable).toHaveLength(2);
    const gone = unreadable.reduce((sum, [from, to]) => sum + to - from + 1, 0);
    expect(readable(road)).toBe(PRESSES - gone);
    expect(gone).toBeLessThan(60);
    expect(judged(road, causes(1, PRESSES))).toEqual([]);
    expect(asidesOf(box)).toHaveLength(1);
    // Consents and the person's event were whole.
    expect(corrupt?.consentsForgotten).toBe(false);
    expect(road.waiting().some(({ type }) => type === 'aisle.visit.started.v1')).toBe(true);
    expect(road.pipeline.recognises(road.now()).ok).toBe(true);
  });

  it('whose branch page of events is damaged keeps what other branches hold', async () => {
    const box = await filled(12_000);
    const [branch = 0] = pagesOf(box.file, 'events', 'internal').slice(-1);
    damage(box.file, startOf(branch));
    const road = started(box);
    expect(readable(road)).toBeGreaterThan(3_000);
    expect(judged(road, causes(1, 12_000))).toEqual([]);
  });

  it('whose first page is damaged is read by the copy of that page', async () => {
    const box = await filled();
    damage(box.file, 0);
    const road = started(box);
    expect(readable(road)).toBe(PRESSES);
    expect(corruptsIn(road.waiting())).toMatchObject([{ cause: 'damaged', unreadable: [] }]);
    expect(judged(road, causes(1, PRESSES))).toEqual([]);
  });

  it('whose indexes are damaged keeps every event, and a person can be erased again', async () => {
    const box = await filled();
    for (const index of ['events_subject', 'pending_sequence']) {
      for (const page of pagesOf(box.file, index)) damage(box.file, startOf(page));
    }
    const road = started(box);
    expect(corruptsIn(road.waiting())).toMatchObject([{ unreadable: [] }]);
    expect(judged(road, causes(1, PRESSES))).toEqual([]);
    expect(road.outbox.waitingOf('p_1')).toBe(1);
    await road.take({ kind: 'erase', subjectRef: 'p_1', at: road.now() });
    expect(road.outbox.waitingOf('p_1')).toBe(0);
  });

  it('whose rows of what is owed are damaged owes those events again, under their ids', async () => {
    const box = openBox();
    const first = box.open();
    await first.store(...presses(1, 2_000));
    const delivered = first.deliver(500);
    first.close();
    for (const page of pagesOf(box.file, 'pending').slice(0, 2)) damage(box.file, startOf(page));
    const road = started(box);
    const again = road.deliver(5_000);
    expect(judge({ acknowledged: causes(1, 2_000), committed: [...delivered, ...again] })).toEqual([]);
    // `take` goes by what is owed.
    expect(again.length).toBe(1_501);
  });

  it('whose rows of what is owed to one of two uplinks are damaged owes that one again', async () => {
    const box = openBox(
      temporaryFolder(),
      YAML.replace('uplinks: [', 'uplinks: [{kind: http, url: "http://127.0.0.1:10"}, '),
    );
    const first = box.open();
    await first.store(...presses(1, 500));
    first.close();
    damage(box.file, startOf(pagesOf(box.file, 'pending')[1] ?? 0));
    const road = started(box);
    const owed = road.db.prepare('SELECT count(*) FROM pending GROUP BY uplink').pluck().all();
    expect(owed).toEqual([501, 501]);
  });

  it('with a long event whose overflow page is damaged loses that one alone', async () => {
    const box = openBox();
    const first = box.open();
    await first.store(press(1), press(2, { note: 'x'.repeat(20_000) }), press(3));
    first.close();
    const [overflow = 0] = pagesOf(box.file, 'events', 'overflow');
    damage(box.file, startOf(overflow), 4, 0xff);
    const road = started(box);
    expect(corruptsIn(road.waiting())).toMatchObject([{ unreadable: [[2, 2]], salvaged: { events: 2 } }]);
    expect(judged(road, causes(1, 3))).toEqual([]);
  });

  it('of length 0 declares what waited, as far as the mark beside it tells', async () => {
    const box = openBox();
    const first = box.open();
    await first.store(...presses(1, 100));
    first.deliver(40);
    first.close();
    truncateSync(box.file);
    const road = started(box);
    expect(corruptsIn(road.waiting())).toMatchObject([{ cause: 'empty', unreadable: [[41, 100]] }]);
    expect(judged(road, causes(41, 100))).toEqual([]);
  });

  it('that is none begins anew, declares, and keeps the file', async () => {
    const box = await filled(100);
    const text = 'not a database, but long enough to look like one. '.repeat(500);
    writeFileSync(box.file, text);
    const road = started(box);
    const [corrupt] = corruptsIn(road.waiting());
    expect(corrupt).toMatchObject({ cause: 'damaged', salvaged: { events: 0 }, unreadable: [[1, 101]] });
    expect(asidesOf(box)).toContain(String(corrupt?.setAside));
  });

  it('that is gone declares what waited', async () => {
    const box = await filled(100);
    rmSync(box.file);
    const road = started(box);
    expect(corruptsIn(road.waiting())).toMatchObject([{ cause: 'missing', unreadable: [[1, 101]] }]);
  });

  it('whose shared memory is garbage is none the worse', async () => {
    const box = openBox();
    const first = box.open();
    await first.store(...presses(1, 200));
    const killed = box.killed();
    first.close();
    damage(`${killed.file}-shm`, 0, 32_768);
    const road = started(killed);
    expect(corruptsIn(road.waiting())).toEqual([]);
    expect(judged(road, causes(1, 200))).toEqual([]);
  });
});

describe('P8, F8: a database that is behind what ran here last', () => {
  /** Killed with a journal that holds the second half. */
  async function killedWithJournal(): Promise<Box> {
    const box = openBox();
    const first = box.open();
    await first.store(...presses(1, 300));
    first.db.pragma('wal_checkpoint(TRUNCATE)');
    await first.store(...presses(301, 600));
    await until(
      () => readFileSync(join(box.config.data, 'aisle.mark'), 'utf8').includes('"last":600'),
      'the mark',
    );
    const killed = box.killed();
    first.close();
    return killed;
  }

  it('since its journal was cut off, begins an epoch and declares the rest', async () => {
    const box = await killedWithJournal();
    truncateSync(`${box.file}-wal`, 32 + 24 + PAGE);
    const road = started(box);
    expect(corruptsIn(road.waiting())).toMatchObject([{ cause: 'behind', unreadable: [[301, 600]] }]);
    expect(corruptsIn(road.waiting())[0]?.nextEpoch).toBe(road.outbox.counts().epoch);
    expect(judged(road, causes(1, 600))).toEqual([]);
    await road.store(press(601));
    expect(judged(road, causes(1, 601))).toEqual([]);
  });

  it('since its journal is damaged, the same', async () => {
    const box = await killedWithJournal();
    damage(`${box.file}-wal`, 32 + 24, 100);
    const road = started(box);
    expect(corruptsIn(road.waiting())).toMatchObject([{ cause: 'behind', unreadable: [[301, 600]] }]);
    expect(judged(road, causes(1, 600))).toEqual([]);
  });

  it('whole journal or none, is not behind where nothing is missing', async () => {
    const road = started(await killedWithJournal());
    expect(corruptsIn(road.waiting())).toEqual([]);
    expect(judged(road, causes(1, 600))).toEqual([]);
  });

  it('since an old copy was put in its place, gives no sequence twice, and brings nobody back (P14)', async () => {
    const box = await filled(100);
    const copy = `${box.file}.old`;
    copyFileSync(box.file, copy);
    const second = box.open();
    const delivered = [...second.deliver(101)];
    await second.store(...presses(101, 150));
    delivered.push(...second.deliver(20));
    second.close();
    copyFileSync(copy, box.file);
    rmSync(copy);
    const road = started(box);
    const [corrupt] = corruptsIn(road.waiting());
    expect(corrupt).toMatchObject({ cause: 'behind', consentsForgotten: true });
    await road.store(...presses(151, 160));
    // What had been delivered comes again under its id, and has no second effect.
    expect(judged(road, causes(1, 160), delivered)).toEqual([]);
    expect(road.waiting().some(({ type }) => type === 'aisle.visit.started.v1')).toBe(false);
    expect(road.outbox.waitingOf('p_1')).toBe(0);
    expect(road.pipeline.recognises(road.now()).ok).toBe(false);
  });
});

describe('P8: a salvage', () => {
  it('forgets consents that cannot be read whole, and recognises nobody until a list comes', async () => {
    const box = await filled(100);
    const db = new Database(box.file);
    db.prepare("UPDATE state SET value = zeroblob(length(value)) WHERE kind = 'consent'").run();
    db.close();
    const road = started(box);
    expect(corruptsIn(road.waiting())).toMatchObject([
      { cause: 'damaged', unreadable: [], consentsForgotten: true },
    ]);
    expect(road.pipeline.recognises(road.now()).ok).toBe(false);
    await road.take(consents(2));
    expect(road.pipeline.recognises(road.now()).ok).toBe(true);
  });

  it('declares a personal event whose key is gone, and delivers it never', async () => {
    const box = await filled(100);
    const db = new Database(box.file);
    db.exec('DELETE FROM subject_keys');
    db.close();
    damage(box.file, startOf(pagesOf(box.file, 'counters')[0] ?? 0));
    const road = started(box);
    expect(corruptsIn(road.waiting())).toMatchObject([{ unreadable: [[101, 101]] }]);
    expect(road.outbox.waitingOf('p_1')).toBe(0);
    expect(judged(road, causes(1, 100))).toEqual([]);
  });

  it('goes on with the audit, whose new line says so', async () => {
    const box = await filled(100);
    damage(box.file, startOf(pagesOf(box.file, 'counters')[0] ?? 0));
    const road = started(box);
    const last = road.db.prepare('SELECT what, detail FROM audit ORDER BY n DESC LIMIT 1').get();
    expect(last).toMatchObject({ what: 'salvaged', detail: expect.stringMatching(/^damaged, epoch .* to /) });
    expect(verifyAudit(road.db)).toMatchObject({ ok: true });
  });

  it('P14: leaves nothing in the old file that opens a person’s data', async () => {
    const box = await filled(100);
    const key = new Database(box.file, { readonly: true });
    const wrapped = key.prepare<[], Buffer>('SELECT key FROM subject_keys').pluck().get() as Buffer;
    const consent = key
      .prepare<[], Buffer>("SELECT value FROM state WHERE kind = 'consent'")
      .pluck()
      .get() as Buffer;
    key.close();
    expect(readFileSync(box.file).includes(wrapped)).toBe(true);
    damage(box.file, startOf(pagesOf(box.file, 'counters')[0] ?? 0));
    started(box);
    const [aside = ''] = asidesOf(box);
    const kept = readFileSync(join(box.config.data, aside));
    expect([kept.includes(wrapped), kept.includes(consent.subarray(0, 28))]).toEqual([false, false]);
    // What happened in the shop is there still, for whoever looks closer.
    expect(kept.includes('b1/b1/57')).toBe(true);
  });

  it.runIf(hasSqlite3)(
    'makes a file that sqlite3 finds whole, with all that sqlite3 reads of the old one',
    async () => {
      const box = await filled();
      damage(box.file, startOf(pagesOf(box.file, 'events')[50] ?? 0));
      const before = sqlite3(box.file, '.dump');
      const byThem = new Set(before.match(/b1\/b1\/\d+/g));
      const road = box.open();
      const byUs = new Set(
        road.waiting().flatMap(({ causationid }) => (causationid === undefined ? [] : [causationid])),
      );
      road.close();
      expect(sqlite3('-readonly', box.file, 'PRAGMA integrity_check')).toBe('ok');
      expect(sqlite3('-readonly', box.file, 'PRAGMA foreign_key_check')).toBe('');
      expect([...byThem].filter((cause) => !byUs.has(cause))).toEqual([]);
    },
  );

  it('says how much room old databases take', async () => {
    const box = await filled(100);
    damage(box.file, 0);
    const road = started(box);
    expect(road.log()).toMatch(/"asides":1,"asideBytes":\d{5,}/);
  });
});

describe('P7, P8: a process', () => {
  it('that meets damage while it runs ends with a sentence, and the next one salvages and delivers', {
    timeout: 120_000,
  }, async () => {
    const shop = await openShop(anonymousShop(['b1']));
    onTestFinished(() => shop.close());
    const config = readConfig(shop.config);
    const button = presser('b1', addDevice(config, 'b1', Date.now()).secret);
    shop.profiles.faults.away = true;
    const first = await shop.start();
    await button.press(first.mqtt, () => button.acknowledged.size >= 500);
    await first.kill('SIGTERM');
    const second = launchGateway(shop.config);
    await second.runs;
    const file = join(config.data, 'aisle.db');
    // Behind the back of what was looked at; another's commit makes it read the file anew.
    damage(file, startOf(pagesOf(file, 'events').at(-3) ?? 0));
    const other = new Database(file);
    other.prepare("INSERT INTO meta VALUES ('another', 'commit')").run();
    other.close();
    shop.profiles.faults.away = false;
    expect(await second.ended).toBe(1);
    expect(second.log()).toContain('malformed');
    await shop.start();
    const isSettled = seldom(() => withDatabase(config, outboxCounts).waiting === 0);
    await until(isSettled, 'the drain', 60_000);
    const committed = committedAt(shop.profiles);
    expect(corruptsIn(committed)).toMatchObject([{ cause: 'damaged' }]);
    expect(judge({ acknowledged: [...button.acknowledged].map((seq) => `b1/b1/${seq}`), committed })).toEqual(
      [],
    );
  });

  it('that ends three times within a minute looks at everything: what a quick look passes over is found', async () => {
    const box = await filled(200);
    const db = new Database(box.file);
    // A person's event of which a bit is changed: no check of the file's shape sees it.
    db.prepare("UPDATE events SET sealed = zeroblob(length(sealed)) WHERE name = 'visit.started'").run();
    db.close();
    let left = box;
    for (let start = 1; start <= 3; start += 1) {
      const road = left.open();
      expect(asidesOf(left), `start ${start}`).toEqual([]);
      left = left.killed();
      road.close();
    }
    const road = started(left);
    expect(corruptsIn(road.waiting())).toMatchObject([{ cause: 'damaged', unreadable: [[201, 201]] }]);
  });

  it.runIf(hasStrace).each([
    ['when the old file is to be set aside', { syscall: 'rename', nth: 2 }],
    ['in the middle of building', { syscall: 'pwrite64', nth: 40 }],
    ['when the new file is to be put in place', { syscall: 'rename', nth: 5 }],
    ['when it is in place', { syscall: 'rename', nth: 6 }],
  ])('that is killed in a salvage %s is followed by one that ends it', async (_, point) => {
    const box = await filled(300);
    damage(box.file, startOf(pagesOf(box.file, 'events')[20] ?? 0));
    const script = `const { readConfig } = await import('${moduleOf('config')}');
      const { openRoad } = await import('${moduleOf('road')}');
      const { default: pino } = await import('pino');
      openRoad(readConfig(process.argv[1]), { log: pino({ level: 'silent' }) }, []);
      process.exit(7);`;
    const config = join(box.config.data, '..', 'aisle.yaml');
    const killed = runUpTo(point, script, config);
    expect(killed.signal).toBe('SIGKILL');
    const road = started(box);
    const corrupt = corruptsIn(road.waiting());
    expect(corrupt).toHaveLength(1);
    expect(corrupt).toMatchObject([{ cause: 'damaged' }]);
    expect(judged(road, causes(1, 300))).toEqual([]);
    expect(asidesOf(box)).toHaveLength(1);
    expect(readdirSync(box.config.data).filter((name) => /draft|salvage/.test(name))).toEqual([]);
  });
});

it('a store key that is another one is no damage: the start is refused with what to do', async () => {
  const box = await filled(10);
  writeFileSync(join(box.config.data, 'store.key'), Buffer.alloc(32, 9).toString('base64url'));
  expect(() => box.open()).toThrow(
    /the store key is not the one that this database was written with: put that one back/,
  );
  expect(asidesOf(box)).toEqual([]);
});
