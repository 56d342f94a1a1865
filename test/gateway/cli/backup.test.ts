import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { verifyAudit } from '../../../gateway/audit.ts';
import { makeBackup } from '../../../gateway/backup.ts';
import { restore } from '../../../gateway/cli/backup.ts';
import { addDevice } from '../../../gateway/cli/devices.ts';
import { withDatabase } from '../../../gateway/cli/stored.ts';
import { readConfig } from '../../../gateway/config.ts';
import { lockFolder } from '../../../gateway/database.ts';
import { VERSION } from '../../../gateway/migrations.ts';
import { outboxCounts } from '../../../gateway/outbox/counts.ts';
import { acknowledgedBy, committedAt } from '../../support/book.ts';
import { anonymousShop } from '../../support/button-shop.ts';
import { aisle } from '../../support/gateway-process.ts';
import { judge, type LedgerEvent } from '../../support/ledger.ts';
import { presser } from '../../support/presser.ts';
import { openShop } from '../../support/shop.ts';
import { hasSqlite3, sqlite3 } from '../../support/sqlite3.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';
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
  TEN,
} from '../salvage-box.ts';

const noPause = async () => {};

/** A shop with a consent, presses and a person's event waiting, and a backup of it. */
async function backedUp(): Promise<{
  box: Box;
  road: Running;
  file: string;
  made: Awaited<ReturnType<typeof makeBackup>>;
}> {
  const box = openBox();
  const road = box.open();
  await road.take(consents());
  await road.store(...presses(1, 50), personal('p_1', 'v1'), ...presses(51, 60));
  const file = join(temporaryFolder(), 'shop.backup');
  const made = await makeBackup(box.file, file, { at: TEN, pause: noPause });
  return { box, road, file, made };
}

const restored = (box: Box, file: string): Record<string, unknown> => {
  let said = '';
  restore(box.config, file, true, (line) => {
    said = line;
  });
  return JSON.parse(said);
};

const idsIn = (events: readonly LedgerEvent[]) => events.map(({ id }) => id);

describe('a backup', () => {
  it('is one file for its owner alone, checked, with what waits and nothing of people', async () => {
    const { road, file, made } = await backedUp();
    road.close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(file, '..'))).toEqual(['shop.backup']);
    expect(made).toMatchObject({
      sequence: 61,
      rows: { events: 60, pending: 60 },
      leftOut: { events: 1, dead: 0, state: 2 },
    });
    const db = new Database(file, { readonly: true });
    expect(db.prepare('SELECT count(*) FROM subject_keys').pluck().get()).toBe(0);
    expect(db.prepare('SELECT DISTINCT kind FROM state').pluck().all()).not.toContain('consent');
    db.close();
    for (const mark of ['p_1', 'c1/', '00112233445566778899aabbccddeeff']) {
      expect([mark, readFileSync(file).includes(mark)]).toEqual([mark, false]);
    }
  });

  it.runIf(hasSqlite3)('is whole to Debian’s sqlite3, which finds the same events', async () => {
    const { road, file } = await backedUp();
    road.close();
    const ask = (sql: string) => sqlite3('-readonly', file, sql);
    expect(ask('PRAGMA integrity_check')).toBe('ok');
    expect(ask("SELECT count(DISTINCT json_extract(body, '$.causationid')) FROM events")).toBe('60');
    expect(ask('.dump').match(/INSERT INTO events/g)).toHaveLength(60);
  });

  it('replaces no file, and leaves none behind where it fails', async () => {
    const { box, road, file } = await backedUp();
    road.close();
    await expect(makeBackup(box.file, file, { at: TEN, pause: noPause })).rejects.toThrow(/is there already/);
    await expect(makeBackup(`${box.file}.not`, `${file}.2`, { at: TEN, pause: noPause })).rejects.toThrow(
      /no database there yet/,
    );
    const failing = makeBackup(box.file, `${file}.3`, {
      at: TEN,
      pause: () => Promise.reject(new Error('told to stop')),
    });
    await expect(failing).rejects.toThrow('told to stop');
    expect(readdirSync(join(file, '..'))).toEqual(['shop.backup']);
  });
});

describe('a restore', () => {
  it('brings back what waited, under its ids, in a new epoch, and declares the rest', async () => {
    const { box, road, file } = await backedUp();
    // After the backup: some of it is delivered, more comes, of which some is delivered too.
    const delivered = road.deliver(30);
    await road.store(...presses(61, 80));
    road.close();
    rmSync(box.config.data, { recursive: true });
    const said = restored(box, file);
    expect(said).toMatchObject({ events: 60, unreadable: 1, setAside: null });
    const again = started(box);
    expect(again.outbox.counts().epoch).toBe(said.epoch);
    await again.store(press(81));
    const [corrupt] = corruptsIn(again.waiting());
    expect(corrupt).toMatchObject({
      cause: 'restored',
      unreadable: [[51, 51]],
      last: 61,
      nextEpoch: said.epoch,
    });
    const committed = [
      ...delivered,
      ...again.deliver(1_000).filter(({ id }) => !idsIn(delivered).includes(id)),
    ];
    // Up to the backup, and after the restore; what came between is the stated loss.
    expect(judge({ acknowledged: [...causes(1, 60), ...causes(81, 81)], committed })).toEqual([]);
  });

  it('over a database that is there keeps that one, without what opens people’s data, and declares what it had', async () => {
    const { box, road, file } = await backedUp();
    await road.store(...presses(61, 80));
    road.close();
    const said = restored(box, file);
    const kept = join(box.config.data, String(said.setAside));
    expect(readFileSync(kept).includes('b1/b1/80')).toBe(true);
    const again = started(box);
    expect(corruptsIn(again.waiting())).toMatchObject([
      {
        unreadable: [
          [51, 51],
          [62, 81],
        ],
        setAside: said.setAside,
      },
    ]);
    expect(judge({ acknowledged: causes(1, 80), committed: [], waiting: again.waiting() })).toEqual([]);
  });

  it('P14, R15: brings nobody back who was erased after the backup, and recognises nobody before a full list', async () => {
    const { box, road, file } = await backedUp();
    await road.take({ kind: 'erase', subjectRef: 'p_1', at: road.now() });
    road.close();
    restored(box, file);
    const again = started(box);
    expect(again.outbox.waitingOf('p_1')).toBe(0);
    expect(JSON.stringify(again.waiting())).not.toContain('p_1');
    expect([...again.pipeline.recordIds()]).toEqual([]);
    expect(again.pipeline.recognises(again.now()).ok).toBe(false);
    await again.take(consents(2));
    expect(again.pipeline.recognises(again.now()).ok).toBe(true);
  });

  it('goes on with the audit, whose new line says so', async () => {
    const { box, road, file } = await backedUp();
    road.close();
    restored(box, file);
    const again = started(box);
    const last = again.db.prepare('SELECT what, detail FROM audit ORDER BY n DESC LIMIT 1').get();
    expect(last).toMatchObject({
      what: 'restored',
      detail: expect.stringMatching(/^restored, epoch .{8} to .{8}$/),
    });
    expect(verifyAudit(again.db)).toMatchObject({ ok: true });
  });

  it('is refused while a gateway runs', async () => {
    const { box, road, file } = await backedUp();
    expect(() => restored(box, file)).toThrow(/another gateway runs on .*: stop it first/);
    expect(road.waiting()).toHaveLength(61);
    road.close();
  });

  it.each<[string, (file: string) => void, RegExp]>([
    ['that is damaged', (file) => truncateSync(file, 9_000), /is damaged/],
    [
      'that is none',
      (file) => writeFileSync(file, 'no backup at all '.repeat(600)),
      /is damaged, or no backup/,
    ],
    [
      'of another store',
      (file) => change(file, "UPDATE meta SET value = 'store x, gateway y' WHERE key = 'store'"),
      /belongs to store x, gateway y/,
    ],
    [
      'of a newer version',
      (file) => change(file, `PRAGMA user_version = ${VERSION + 1}`),
      /is of a newer Aisle .* install that one first/,
    ],
    [
      'that is a plain copy of a database',
      (file) => change(file, "DELETE FROM meta WHERE key = 'backup'"),
      /was not made by {2}aisle backup/,
    ],
    ['that is not there', (file) => rmSync(file), /there is no such file/],
  ])('of a file %s is refused with a sentence, and changes nothing', async (_, spoil, sentence) => {
    const { box, road, file } = await backedUp();
    road.close();
    spoil(file);
    const before = readFileSync(box.file);
    expect(() => restored(box, file)).toThrow(sentence);
    expect(readFileSync(box.file).equals(before)).toBe(true);
    // The folder is free again.
    lockFolder(box.config.data)();
  });
});

function change(file: string, sql: string): void {
  const db = new Database(file);
  db.exec(sql);
  db.close();
}

const statusOf = (config: string): { waiting: number } => withDatabase(readConfig(config), outboxCounts);

const run = promisify(execFile);
const command = (...args: string[]) => run(process.execPath, aisle(args), { encoding: 'utf8' });

describe('P1, P8: a backup beside a gateway at full rate', () => {
  it('and the box dies: what was acknowledged before it is there again, and nothing has two effects', {
    timeout: 120_000,
  }, async () => {
    const shop = await openShop(anonymousShop(['b1', 'b2']));
    onTestFinished(() => shop.close());
    const secretOf = (id: string) => addDevice(readConfig(shop.config), id, Date.now()).secret;
    const pressers = ['b1', 'b2'].map((id) => presser(id, secretOf(id)));
    const acknowledged = () => acknowledgedBy(pressers);
    const gateway = await shop.start();
    shop.profiles.faults.away = true;
    let isOver = false;
    const isEnough = () => isOver || pressers.some(({ acknowledged: seqs }) => seqs.size > 1_500);
    const pressing = pressers.map((button) => button.press(gateway.mqtt, isEnough));
    await until(() => acknowledged().length > 500, 'a backlog', 60_000);
    const before = acknowledged();
    const file = join(shop.folder, 'shop.backup');
    const { stdout } = await command('backup', file, '--config', shop.config, '--json');
    expect(JSON.parse(stdout).rows.events).toBeGreaterThanOrEqual(before.length);
    // After the backup it goes on, and some of it is delivered.
    shop.profiles.faults.away = false;
    await until(
      seldom(() => committedAt(shop.profiles).length > 200),
      'deliveries',
      60_000,
    );
    await gateway.kill('SIGKILL');
    isOver = true;
    await Promise.all(pressing);
    const { data } = readConfig(shop.config);
    const key = readFileSync(join(data, 'store.key'));
    const secrets = readFileSync(join(data, 'credentials.db'));
    rmSync(data, { recursive: true });
    // What the operator kept beside the backup.
    lockFolder(data)();
    writeFileSync(join(data, 'store.key'), key, { mode: 0o600 });
    writeFileSync(join(data, 'credentials.db'), secrets, { mode: 0o600 });
    restore(readConfig(shop.config), file, true, () => {});

    const again = await shop.start();
    await until(
      seldom(() => statusOf(shop.config).waiting === 0),
      'the drain',
      60_000,
    );
    await again.kill('SIGTERM');
    const committed = committedAt(shop.profiles);
    const causesThere = new Set(committed.map(({ causationid }) => causationid));
    expect(before.filter((cause) => !causesThere.has(cause))).toEqual([]);
    const kept = acknowledged().filter((cause) => causesThere.has(cause));
    const [corrupt] = corruptsIn(committed);
    expect(corrupt).toMatchObject({ cause: 'restored', unreadable: [] });
    // Of the old epoch, what came after `last` and had not been delivered is the stated loss.
    const [first] = committed;
    const stated = {
      ...first,
      id: 'x',
      type: 'aisle.gateway.gap.v1',
      epoch: 'none',
      causationid: undefined,
      data: { epoch: corrupt?.epoch, from: Number(corrupt?.last) + 1, to: 100_000 },
    };
    expect(judge({ acknowledged: kept, committed: [...committed, stated as LedgerEvent] })).toEqual([]);
  });
});
