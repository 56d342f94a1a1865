import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { mayMount, smallDisk } from '../../../support/small-disk.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { until } from '../../../support/until.ts';
import { HOUR, open, T0, temperature, WINDOW } from './built.ts';

/** A file with one sample, of a history that was closed well. */
async function closedFile(file = join(temporaryFolder(), 'history.db')): Promise<string> {
  const { history, settled } = open({ file });
  history.take([temperature(T0, 20)]);
  await settled();
  await history.close();
  return file;
}

/** What its state says of a file that it cannot use, once it has tried. */
async function refusal({ history }: ReturnType<typeof open>): Promise<string | undefined> {
  history.take([temperature(T0 + WINDOW, 21)]);
  await until(() => !history.state().ok, 'the history to say so');
  return history.state().reason;
}

describe('the file of the history', () => {
  it('F6: that is taken away, or another one lies in its place: it goes on in what lies there, and says so once', async () => {
    const { history, said, settled, file, values } = open();
    const goesOn = async (value: number) => {
      history.take([temperature(T0 + WINDOW, value)]);
      await settled();
      expect(await values()).toEqual([null, value, null]);
    };
    history.take([temperature(T0, 20)]);
    await settled();
    rmSync(file);
    await goesOn(21);
    renameSync(await closedFile(join(temporaryFolder(), 'other.db')), file);
    history.take([temperature(T0 + WINDOW, 22)]);
    await settled();
    expect(await values()).toEqual([20, 22, null]);
    expect(said.map(({ msg }) => msg)).toEqual(
      Array(2).fill(`${file} was taken away or replaced: the history goes on in what lies there now`),
    );
  });

  it('F6: whose folder is not there says so, and goes on when it is back', async () => {
    const opened = open({ file: join(temporaryFolder(), 'data', 'history.db') });
    const sentence = 'the folder of the history is not there: put it back, and it goes on';
    expect(await refusal(opened)).toBe(sentence);
    await expect(opened.values()).rejects.toThrow(sentence);
    mkdirSync(dirname(opened.file));
    await opened.settled();
    expect(await opened.values()).toEqual([null, 21, null]);
    expect(opened.said.map(({ msg }) => msg)).toEqual([
      'the history keeps nothing at the moment',
      'the history keeps again what comes',
    ]);
  });

  it('that is a pipe holds up neither the start nor the end', async () => {
    const file = join(temporaryFolder(), 'history.db');
    execFileSync('mkfifo', [file]);
    const opened = open({ file });
    expect(await refusal(opened)).toMatch(/^the disk refuses the history \(disk I\/O error\): see that/);
    await opened.history.close();
    expect(opened.history.state()).toMatchObject({ waiting: 0, dropped: 1 });
  });

  it.skipIf(!mayMount)(
    'F6: that is on a read-only disk says so, is read all the same, and goes on when it may; a damaged one is not said to be made anew before it is',
    async () => {
      const folder = join(temporaryFolder(), 'small');
      const disk = smallDisk(folder, 'size=16m');
      onTestFinished(() => disk.unmount());
      const file = await closedFile(join(folder, 'history.db'));
      disk.remount('ro');
      const opened = open({ file });
      expect(await refusal(opened)).toMatch(/^the disk refuses the history \(.+\): see that it has room and/);
      disk.remount('rw');
      await opened.settled();
      expect(await opened.values()).toEqual([20, 21, null]);
      await opened.history.close();
      writeFileSync(file, 'this is no database of anybody '.repeat(200));
      disk.remount('ro');
      const damaged = open({ file });
      expect(await refusal(damaged)).toMatch(/^the disk refuses the history \(.*read-only/);
      expect(damaged.said).toHaveLength(1);
      disk.remount('rw');
      await damaged.settled();
      expect(damaged.said.map(({ msg }) => msg).join()).toContain('is damaged: it is made anew');
    },
  );

  it.each<[string, (db: Database.Database) => void]>([
    ['with tables of somebody else’s', (db) => db.exec('DROP TABLE minutes; CREATE TABLE minutes(a)')],
    // What one bit of a row's head does, 0x6c to 0x6d.
    ['with a text where numbers were', (db) => db.exec('UPDATE minutes SET samples = CAST(samples AS TEXT)')],
    ['with tags that are none', (db) => db.exec(`UPDATE series SET tags = substr(tags, 2)`)],
  ])('F8: %s is damaged as any other: it is made anew, and keeps what comes', async (_, spoil) => {
    const file = await closedFile();
    const db = new Database(file);
    spoil(db);
    db.close();
    const { history, said, settled, values } = open({ file });
    await values().catch(() => {});
    // An hour later its windows are rolled up.
    history.take([temperature(T0 + HOUR, 21)]);
    await settled();
    expect(history.state()).toMatchObject({ ok: true, written: 1 });
    expect(said.map(({ msg }) => msg).join()).toContain('is damaged: it is made anew');
    expect(await values(T0 + HOUR)).toEqual([21, null, null]);
  });
});
