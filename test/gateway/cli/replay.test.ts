import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { bareList, type ReplayOptions, replay } from '../../../gateway/cli/replay.ts';
import { readConfig } from '../../../gateway/config.ts';
import { aisle } from './command.ts';

const DATA = fileURLToPath(new URL('data/', import.meta.url));
const WALK = `${DATA}walk.jsonl`;
const CONSENTS = `${DATA}consents.json`;
/** The first line of the walk, ms. */
const START = 1581252856127;

const folder = mkdtempSync(join(tmpdir(), 'replay-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, lines: readonly unknown[]): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
  );
  return path;
}

async function replayed(files: string[], options: ReplayOptions = { consents: CONSENTS }): Promise<string[]> {
  const lines: string[] = [];
  await replay(readConfig(`${DATA}hall.yaml`), files, options, (line) => lines.push(line));
  return lines;
}

const parsed = (lines: string[]) => lines.map((line) => JSON.parse(line));
const tick = (at: number) => ({ kind: 'tick', at });

describe('a recorded walk', () => {
  it('gives the same bytes every time, in this process and as a program', async () => {
    const lines = await replayed([WALK]);
    expect(await replayed([WALK])).toEqual(lines);
    const program = await aisle('replay', '--config', `${DATA}hall.yaml`, '--consents', CONSENTS, WALK);
    expect(program).toEqual({ code: 0, stdout: lines.map((line) => `${line}\n`).join(''), stderr: '' });
  });

  it('is one visit to the south-east and the north-east of the hall', async () => {
    const events = parsed(await replayed([WALK]));
    expect(events[0].type).toBe('aisle.visit.started.v1');
    expect(new Set(events.map(({ data }) => data.subject.ref))).toEqual(new Set(['p_1']));
    const entered = events
      .filter(({ type }) => type === 'aisle.zone.entered.v1')
      .map(({ data }) => data.zoneId);
    expect(entered).toEqual(expect.arrayContaining(['ES', 'EN']));
    expect(events.filter(({ type }) => type === 'aisle.visit.started.v1')).toHaveLength(1);
  });

  it('without consent gives nothing', async () => {
    expect(await replayed([WALK], {})).toEqual([]);
    const refused = bareList(CONSENTS).map((record) => ({ ...record, state: 'refused' }));
    expect(await replayed([WALK], { consents: file('refused.json', [refused]) })).toEqual([]);
  });

  it('in two files gives the same, whichever is named first', async () => {
    const lines = readFileSync(WALK, 'utf8').trim().split('\n');
    const [one, other] = [0, 1].map((rest) =>
      file(
        `part-${rest}.jsonl`,
        lines.filter((line) => JSON.parse(line).at % 2 === rest),
      ),
    ) as [string, string];
    const whole = await replayed([WALK]);
    expect(await replayed([one, other])).toEqual(whole);
    expect(await replayed([other, one])).toEqual(whole);
  });

  it('with the list in the recording gives the same as with the list beside it', async () => {
    const records = JSON.parse(readFileSync(CONSENTS, 'utf8'));
    const first = file('list.jsonl', [{ kind: 'consents', at: START, list: 'full', records }]);
    expect(await replayed([first, WALK], {})).toEqual(await replayed([WALK]));
  });

  it('is numbered and timed by the recording alone', async () => {
    const [event] = parsed(await replayed([WALK]));
    expect(event).toMatchObject({
      id: 'replay-00000000000000000001',
      sequence: '00000000000000000001',
      epoch: 'replay',
      source: 'urn:aisle:store:hall:gateway:g1',
      time: new Date(START).toISOString(),
      recordedtime: new Date(START).toISOString(),
      expirytime: new Date(START + 72 * 3_600_000).toISOString(),
    });
  });
});

describe('--explain', () => {
  it('adds where each located subject is, once for each whole second, and changes nothing else', async () => {
    const lines = parsed(await replayed([WALK], { consents: CONSENTS, explain: true }));
    const places = lines.filter(({ kind }) => kind === 'place');
    expect(lines.filter(({ kind }) => kind !== 'place')).toEqual(parsed(await replayed([WALK])));
    const seconds = places.map(({ at }) => at);
    expect(seconds).toEqual(seconds.map((_, i) => Math.ceil(START / 1000) * 1000 + i * 1000));
    for (const place of places) {
      expect(Object.keys(place)).toEqual(['kind', 'at', 'subjectRef', 'x', 'y', 'zone', 'confidence', 'why']);
      expect(place).toMatchObject({ subjectRef: 'p_1', x: expect.any(Number), why: expect.any(String) });
    }
  });

  it('says nothing of who did not agree to be located', async () => {
    const records = bareList(CONSENTS).map((record) => ({ ...record, purposes: ['recognition'] }));
    const lines = await replayed([WALK], { consents: file('bare.json', [records]), explain: true });
    expect(parsed(lines).map(({ type }) => type)).toEqual(['aisle.visit.started.v1']);
  });
});

describe('--until', () => {
  it('leaves out what comes later', async () => {
    const all = parsed(await replayed([WALK]));
    const until = START + 10_000;
    const early = parsed(await replayed([WALK], { consents: CONSENTS, until: String(until) }));
    expect(early).toEqual(all.filter(({ recordedtime }) => Date.parse(recordedtime) <= until));
    expect(early.length).toBeLessThan(all.length);
  });

  it('goes on ticking after the last line: the visit ends', async () => {
    const until = new Date(START + 10 * 60_000).toISOString();
    const lines = parsed(await replayed([WALK], { consents: CONSENTS, until }));
    expect(lines.at(-1)).toMatchObject({ type: 'aisle.visit.ended.v1', data: { reason: 'absent' } });
    const utc = await replayed([WALK], { consents: CONSENTS, until: until.replace('Z', '') });
    expect(parsed(utc)).toEqual(lines);
  });

  it.each(['soon', '2020-13-01', ''])('%o is refused', async (until) => {
    await expect(replayed([WALK], { until })).rejects.toThrow(`--until ${until}: is neither ISO 8601 nor`);
  });
});

describe('bad input', () => {
  it.each([
    ['unreadable JSON', ['{"kind":"tick",'], ':1: not JSON: '],
    ['an unknown kind', [tick(1), { kind: 'tock', at: 2 }], ':2: kind: '],
    ['a line without time', [tick(1), '', { kind: 'tick' }], ':3: at: '],
    [
      'a line that is older than the one before',
      [tick(9), tick(8)],
      ':2: is 1 ms older than the line before',
    ],
    ['a time that cannot be', [tick(1), tick(1e12)], ':2: is 11574 days after the line before'],
    [
      'odd hex',
      [{ kind: 'advertisement', at: 1, receiver: 'r', address: 'e7:8f:13:56:24:ce', data: '0' }],
      ':1: data: must be hex',
    ],
    [
      'no address',
      [{ kind: 'advertisement', at: 1, receiver: 'r', address: 'me', data: '' }],
      ':1: address: must be an address',
    ],
    [
      'a message without payload',
      [{ kind: 'message', at: 1, topic: 'devices/a/b' }],
      ':1: the line: must have either payload',
    ],
    ['a list that is none', [{ kind: 'consents', at: 1, records: [{ recordId: 'c1' }] }], ':1: records.0'],
  ])('%s is named with file and line', async (name, lines, message) => {
    const path = file(`${name}.jsonl`, lines);
    await expect(replayed([path])).rejects.toThrow(`${path}${message}`);
  });

  it.each([
    ['is not there', join(folder, 'nowhere.jsonl')],
    ['is a folder', folder],
  ])('a recording that %s is named', async (_, path) => {
    await expect(replayed([path])).rejects.toThrow(`${path}: cannot be read: `);
  });

  it.each([
    ['unreadable JSON', '[', ': '],
    ['no list', '{"list":"full"}', ': records: '],
    ['a record with a typo', '[{"recordID":"c1"}]', ': records.0.recordId: '],
  ])('a consent list that is %s is named', async (_, text, message) => {
    const path = file('list.json', [text]);
    await expect(replayed([WALK], { consents: path })).rejects.toThrow(`${path}${message}`);
  });

  it('ends the program with that sentence and 1, and wrong use with 2', async () => {
    const path = file('broken.jsonl', [tick(1), 'what?']);
    const broken = await aisle('replay', '--config', `${DATA}hall.yaml`, path);
    expect([broken.code, broken.stdout]).toEqual([1, '']);
    expect(broken.stderr).toContain(`${path}:2: not JSON`);
    expect((await aisle('replay', '--config', `${DATA}hall.yaml`)).code).toBe(2);
  });
});

describe('a recording without a signal', () => {
  it('gives nothing, whatever list stands beside it', async () => {
    expect(
      await replayed([file('empty.jsonl', ['', ''])], { consents: CONSENTS, until: '2020-01-01' }),
    ).toEqual([]);
  });
});
