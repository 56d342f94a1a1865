import { execFileSync } from 'node:child_process';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { encryptBlock } from '../../../devices/wire/aes-block.ts';
import { ephemeralId } from '../../../devices/wire/eid.ts';
import { toHex } from '../../../devices/wire/hex.ts';
import { type Ahead, type AheadThread, answerOf, openAhead } from '../../../gateway/recognise/ahead.ts';
import { eidTags } from '../../../gateway/recognise/eid.ts';
import { seededRandom } from '../../../gateway/seeded-random.ts';
import { secretOf } from './ways.ts';

const START = Date.UTC(2026, 2, 2);
const failures: Error[] = [];
const open: AheadThread[] = [];
function thread(): AheadThread {
  const started = openAhead((error) => failures.push(error));
  open.push(started);
  return started;
}
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  expect(failures.splice(0)).toEqual([]);
});

/** Until the thread answered; the runner's time-out is the end of waiting. */
async function answered(slip: Parameters<typeof answerOf>[0]): Promise<Uint8Array> {
  for (;;) {
    const answer = answerOf(slip);
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('ids that another thread works out', () => {
  it('are what the loop would have computed, for thousands, in order', async () => {
    const ahead = thread();
    const random = seededRandom(3);
    const asked = Array.from({ length: 2_500 }, () => {
      const [key, block] = [random(16), random(16)];
      return { key, block, slip: ahead.ask(key, block) };
    });
    for (const { key, block, slip } of asked) {
      expect(toHex(await answered(slip))).toBe(toHex(encryptBlock(key, block)));
    }
  });

  it('make a table no different: with them, without them, and where they come too late', async () => {
    const asked: ReturnType<Ahead['ask']>[] = [];
    const running = thread();
    const noted: Ahead = {
      ask(key, block) {
        const slip = running.ask(key, block);
        asked.push(slip);
        return slip;
      },
    };
    const never: Ahead = { ask: () => ({ batch: {}, place: 0 }) };
    const tables = [eidTags(noted), eidTags(), eidTags(never)].map((way) => way.createTable());
    const found: string[][] = tables.map(() => []);
    for (const table of tables) {
      for (let n = 0; n < 50; n++) {
        const key = { kind: 'eid' as const, identityKey: secretOf(n), exponent: 10, offset: n * 20 };
        table.put({ recordId: `c${n}`, subjectRef: `p${n}` }, key, START);
      }
    }
    for (let at = START; at < START + 7_200_000; at += 256_000) {
      for (const slip of asked.splice(0)) await answered(slip);
      for (const [i, table] of tables.entries()) {
        table.roll(at);
        for (let n = 0; n < 50; n++) {
          const id = ephemeralId(Buffer.from(secretOf(n), 'hex'), 10, at / 1000 + n * 20 + 1_024);
          const owners = table.find({ kind: 'eid', eid: toHex(id) }, at);
          found[i]?.push(owners.map(({ recordId }) => recordId).join());
        }
      }
    }
    expect(found[0]).toEqual(found[1]);
    expect(found[2]).toEqual(found[1]);
    expect(found[1]?.every((name, i) => name === `c${i % 50}`)).toBe(true);
  });

  it('are asked for no more once it is closed, twice or in the middle of a batch', async () => {
    const ahead = thread();
    for (let i = 0; i < 1_500; i++) ahead.ask(new Uint8Array(16), new Uint8Array(16));
    await ahead.close();
    await ahead.close();
    expect(answerOf(ahead.ask(new Uint8Array(16), new Uint8Array(16)))).toBeUndefined();
  });

  it('come in any process from source, whatever its folder, and do not keep it alive', () => {
    const file = new URL('../../../gateway/recognise/ahead.ts', import.meta.url).href;
    const script = `
      const { openAhead, answerOf } = await import(${JSON.stringify(file)});
      const slip = openAhead((error) => console.log(error.message)).ask(new Uint8Array(16), new Uint8Array(16));
      while (!answerOf(slip)) await new Promise((resolve) => setTimeout(resolve, 5));
      console.log(Buffer.from(answerOf(slip)).toString('hex'));`;
    const said = execFileSync(
      process.execPath,
      ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', script],
      { cwd: '/', timeout: 25_000, encoding: 'utf8' },
    );
    // A block of zeros under a key of zeros, as NIST's AESAVS gives it.
    expect(said.trim()).toBe('66e94bd4ef8a2c3b884cfa59ca342b2e');
  });

  it('R13: show no key that was asked about', () => {
    const ahead = thread();
    const key = Buffer.from(secretOf(1), 'hex');
    const slip = ahead.ask(key, new Uint8Array(16));
    const shown = inspect([ahead, slip], { depth: 9, showHidden: true }) + JSON.stringify([ahead, slip]);
    for (const form of [secretOf(1), key.toString('base64'), [...key].join(', ')]) {
      expect(shown).not.toContain(form);
    }
  });
});
