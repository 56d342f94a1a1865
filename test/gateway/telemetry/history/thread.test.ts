import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { anonymousShop } from '../../../support/button-shop.ts';
import { launchGateway } from '../../../support/gateway-process.ts';
import { hasStrace, injected } from '../../../support/kill-at.ts';
import { hasSqlite3 } from '../../../support/sqlite3.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { until } from '../../../support/until.ts';
import { open, T0, temperature, WINDOW } from './built.ts';
import { foreignLock } from './foreign-lock.ts';

const deadly = { measurement: 'climate', field: 'co2_ppm', from: T0, to: T0 + WINDOW, stepS: 10 };

/** A history that was closed well, with series in its file whose tags, read, are more than a thread may hold. */
async function deadlyFile(): Promise<string> {
  const { history, settled, file } = open();
  history.take([temperature(T0, 20)]);
  await settled();
  await history.close();
  const db = new Database(file);
  const add = db.prepare("INSERT INTO series(measurement, field, tags) VALUES ('climate', 'co2_ppm', ?)");
  db.transaction(() => {
    for (let n = 0; n < 80; n += 1) add.run(`{"${n}":[${'1,'.repeat(100_000)}1]}`);
  })();
  db.close();
  return file;
}

/** The threads of this process, as the system numbers them. */
const threads = (pid: number | 'self' = 'self') => new Set(readdirSync(`/proc/${pid}/task`).map(Number));

describe('the thread of the history', () => {
  it('F30: that ends takes along what it had not written, which is counted; samples and questions go on', async () => {
    const { history, said, values } = open({
      file: await deadlyFile(),
      restMs: [50, 60_000],
      // Nothing is written before a thread is closed.
      flushMs: 3_600_000,
    });
    expect(await values()).toEqual([20, null, null]);
    history.take([temperature(T0 + WINDOW, 21)]);
    await expect(history.query(deadly)).rejects.toThrow(
      /^the thread of the history ended \(.*memory limit.*\); it begins again within a minute$/,
    );
    expect(history.state()).toMatchObject({ ok: false, waiting: 0, written: 0, dropped: 1 });
    // There is none at this moment: what comes waits for the next one.
    history.take([temperature(T0 + 2 * WINDOW, 22)]);
    expect(history.state()).toMatchObject({ ok: false, waiting: 1, dropped: 1 });
    await expect(values()).rejects.toThrow('it begins again within a minute');
    await until(() => history.state().ok, 'the next thread');
    expect(await values()).toEqual([20, null, 22]);
    await expect(history.query(deadly)).rejects.toThrow('memory limit');
    expect(history.state()).toMatchObject({ waiting: 0, written: 0, dropped: 2 });
    // And so on, up to a minute.
    expect(said).toMatchObject([
      { lost: 1, restMs: 50, reason: expect.stringContaining('memory limit') },
      { lost: 1, restMs: 100 },
    ]);
  });

  it('F30: that ends when it had lived for long rests for as short as the first time', async () => {
    const { history, said } = open({ file: await deadlyFile(), restMs: [40, 100] });
    for (const _ of ['once', 'again']) {
      await expect(history.query(deadly)).rejects.toThrow('the thread of the history ended');
      await until(() => history.state().ok, 'the next thread');
    }
    expect(said.map((line) => line.restMs)).toEqual([40, 40]);
  });

  it.skipIf(!hasStrace)(
    'F30: that the system has none to give for takes nobody down, and begins when there is one',
    async () => {
      const { history, said, settled, values } = open({ restMs: [50, 100] });
      const letGo = await injected(process.pid, 'clone3,clone:error=EAGAIN');
      history.take([temperature(T0, 20)]);
      await until(() => said.length >= 2, 'two tries');
      expect(history.state()).toMatchObject({
        ok: false,
        reason: 'the thread of the history ended (EAGAIN); it begins again within a minute',
        waiting: 1,
      });
      await letGo();
      await settled();
      expect(await values()).toEqual([20, null, null]);
      expect(history.state()).toMatchObject({ ok: true, written: 1, dropped: 0 });
    },
  );

  it.skipIf(!hasStrace)(
    'F5, F27: on a disk that hangs, then fails, holds up no end, takes down nobody, and its loss is counted and said',
    async () => {
      const { history, said, values } = open({ flushMs: 3_600_000, closeMs: 100 });
      const before = threads();
      history.take([temperature(T0, 20)]);
      await values();
      const begun = [...threads()].filter((thread) => !before.has(thread));
      const isLeft = () => begun.some((thread) => threads().has(thread));
      await Promise.all(begun.map((one) => injected(one, 'pwrite64:error=EIO:delay_enter=400000')));
      await history.close();
      expect(isLeft()).toBe(true);
      expect(history.state()).toMatchObject({ waiting: 0, written: 0, dropped: 1 });
      expect(said).toMatchObject([{ lost: 1, msg: 'samples that the history could not write in time' }]);
      await until(() => !isLeft(), 'the thread to leave by itself');
    },
  );

  it.skipIf(!hasStrace)(
    'F5, F27: on a disk that hangs lets a whole gateway end by the signal it was asked with: not when the disk answers, and not by SIGABRT',
    async () => {
      const folder = temporaryFolder();
      const config = join(folder, 'aisle.yaml');
      const data = join(folder, 'data');
      const more = `data: ${data}
inputs: {mqtt: {listen: "127.0.0.1:0"}}
dashboard: {listen: "127.0.0.1:0"}
uplinks: []`;
      writeFileSync(config, anonymousShop(['b1'], more));
      const gateway = launchGateway(config);
      const { http } = await gateway.runs;
      const before = threads(gateway.pid);
      const token = readFileSync(join(data, 'dashboard.token'), 'utf8');
      const headers = { authorization: `Bearer ${token}` };
      const question = 'measurement=gateway&field=messages&from=0&to=60000&step=60';
      const answer = await fetch(`http://127.0.0.1:${http}/api/series?${question}`, { headers });
      expect(await answer.json()).toMatchObject({ source: 'history' });
      const begun = [...threads(gateway.pid)].filter((thread) => !before.has(thread));
      // For longer than the test; the call fails when it is let go.
      const letGo = await Promise.all(
        begun.map((one) => injected(one, 'pwrite64:error=EIO:delay_enter=120000000')),
      );
      const ended = gateway.stop('SIGTERM');
      // All but the thread that the tracer holds.
      const isOver = () => readFileSync(`/proc/${gateway.pid}/stat`, 'utf8').includes(') Z ');
      await until(isOver, 'the process to end');
      await Promise.all(letGo.map((go) => go()));
      expect(await ended).toBe('SIGTERM');
      expect(gateway.log()).toContain('samples that the history could not write in time');
    },
  );

  it.skipIf(!hasSqlite3)(
    'F27: whose file another program holds says so, answers with a sentence, goes on by itself, and ends in time',
    async () => {
      const first = open();
      first.history.take([temperature(T0, 20)]);
      await first.settled();
      await first.history.close();
      const letGo = await foreignLock(first.file);
      const { history, settled, values } = open({ file: first.file });
      history.take([temperature(T0 + WINDOW, 21)]);
      await until(() => !history.state().ok, 'the history to say so');
      const sentence = 'another program holds the file of the history: it goes on when that one lets go';
      expect(history.state()).toMatchObject({ reason: sentence, waiting: 1 });
      await expect(values()).rejects.toThrow(sentence);
      await letGo();
      await settled();
      expect(await values()).toEqual([20, 21, null]);
      await history.close();
      await foreignLock(first.file);
      const last = open({ file: first.file });
      last.history.take([temperature(T0 + 2 * WINDOW, 22)]);
      await expect(last.values()).rejects.toThrow(sentence);
      const from = performance.now();
      await last.history.close();
      expect(performance.now() - from).toBeLessThan(2_000);
      expect(last.history.state()).toMatchObject({ waiting: 0, written: 0, dropped: 1 });
    },
  );
});
