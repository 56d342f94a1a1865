import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readRecordedLine, readRecordings } from '../../../gateway/inputs/recording.ts';

const read = (line: Record<string, unknown>) => readRecordedLine(JSON.stringify(line), 'a.jsonl:1');

const folder = mkdtempSync(join(tmpdir(), 'recording-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function readAll(...texts: string[]): Promise<string[]> {
  const files = texts.map((text, i) => {
    const path = join(folder, `${'abc'[i]}.jsonl`);
    writeFileSync(path, text);
    return path;
  });
  const found: string[] = [];
  for await (const { signal, where } of readRecordings(files))
    found.push(`${signal.at} ${where.slice(folder.length + 1)}`);
  return found;
}

const tick = (at: number) => `{"kind":"tick","at":${at}}`;

describe('a recorded line', () => {
  // The contract's own example, with the frame written out.
  it('of an advertisement is the frame as its receiver heard it', () => {
    const line =
      '{"kind":"advertisement","at":1581252411243,"receiver":"r1","address":"E7:8F:13:56:24:CE","addressType":"random","rssi":-72,"data":"0201061aff4c00"}';
    expect(readRecordedLine(line, 'a:1')).toEqual({
      kind: 'advertisement',
      at: 1581252411243,
      receiver: 'r1',
      address: 'e7:8f:13:56:24:ce',
      addressType: 'random',
      rssi: -72,
      data: Buffer.from('0201061aff4c00', 'hex'),
    });
  });

  it('of a message has the bytes of its text, or of base64 where it is none', () => {
    const text = read({ kind: 'message', at: 1, topic: 'devices/shelf-1/weight', payload: '{"ä":1}' });
    expect(text).toEqual({
      kind: 'message',
      at: 1,
      topic: 'devices/shelf-1/weight',
      device: 'shelf-1',
      payload: Buffer.from('{"ä":1}'),
    });
    const bytes = read({ kind: 'message', at: 1, topic: 'devices/a/b', payloadBase64: '/wA=' });
    expect(bytes).toMatchObject({ payload: Buffer.from([0xff, 0x00]) });
  });

  it('of a list is full unless it says otherwise', () => {
    expect(read({ kind: 'consents', at: 1, records: [] })).toEqual({
      kind: 'consents',
      at: 1,
      list: 'full',
      records: [],
    });
    expect(read({ kind: 'consents', at: 1, list: 'change', records: [] })).toMatchObject({ list: 'change' });
  });

  it('may carry a note', () => {
    expect(read({ kind: 'tick', at: 1, note: 'a minute later' })).toEqual({ kind: 'tick', at: 1 });
  });

  it.each([
    [
      { kind: 'message', at: 1, topic: 'a/b', payload: '', payloadBase64: '' },
      'either payload or payloadBase64',
    ],
    [{ kind: 'message', at: 1, topic: 'a/b', payloadBase64: '*' }, 'payloadBase64'],
    [{ kind: 'message', at: 1, topic: 'a/b', payload: 'x'.repeat(65_537) }, '65537 octets'],
    [{ kind: 'tick', at: -1 }, 'at'],
    [{ kind: 'tick', at: 1.5 }, 'at'],
    [{ kind: 'tick', at: '1' }, 'at'],
    [{}, 'kind'],
  ])('that is none is refused with its place: %j', (line, what) => {
    expect(() => read(line)).toThrow(/^a\.jsonl:1: /);
    expect(() => read(line)).toThrow(what);
  });

  it.each(['null', '[]', '7', '"tick"'])('%s is refused with its place', (line) => {
    expect(() => readRecordedLine(line, 'a.jsonl:1')).toThrow(/^a\.jsonl:1: /);
  });
});

describe('recordings', () => {
  it('are read line by line, empty ones and Windows line ends included', async () => {
    expect(await readAll(`${tick(1)}\r\n\r\n${tick(1)}\n\n${tick(3)}`)).toEqual([
      '1 a.jsonl:1',
      '1 a.jsonl:3',
      '3 a.jsonl:5',
    ]);
  });

  it('are merged by time; at the same moment the file named first comes first', async () => {
    const one = [tick(1), tick(5), tick(7)].join('\n');
    const other = [tick(2), tick(5), tick(6)].join('\n');
    expect(await readAll(one, other, '')).toEqual([
      '1 a.jsonl:1',
      '2 b.jsonl:1',
      '5 a.jsonl:2',
      '5 b.jsonl:2',
      '6 b.jsonl:3',
      '7 a.jsonl:3',
    ]);
  });

  it('longer than one read from the disk are whole', async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => tick(i));
    expect(await readAll(lines.join('\n'))).toHaveLength(20_000);
  });
});
