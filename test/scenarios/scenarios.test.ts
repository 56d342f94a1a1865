import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { replay } from '../../gateway/cli/replay.ts';
import { readConfig } from '../../gateway/config.ts';
import { type Told, told } from './told.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));

const scenarios = readdirSync(HERE, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

describe('in the shop', () => {
  it.each(scenarios)('%s', async (name) => {
    const file = (part: string) => `${HERE}${name}/${part}`;
    const lines: string[] = [];
    await replay(
      readConfig(file('store.yaml')),
      [file('signals.jsonl')],
      { consents: file('consents.json') },
      (line) => lines.push(line),
    );
    expect(told(lines, file('consents.json'))).toEqual(linesOf(file('expected.jsonl')));
  });

  it('the two walks differ in nothing but the consent', () => {
    const signals = ['a-walk-from-shoes-to-bags', 'the-same-walk-without-consent'].map((name) =>
      readFileSync(`${HERE}${name}/signals.jsonl`, 'utf8'),
    );
    expect(signals[0]).toBe(signals[1]);
  });
});

function linesOf(file: string): Told[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Told);
}
