import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MUTATIONS, readMutations } from './mutations/mutation.ts';
import { isTitled, requirementsIn, testFiles, titlesIn } from './mutations/titles.ts';

/*
 * Each of the privacy requirements and of the promises about loss has a test that names it and a patch that
 * breaks it. That the test goes red then is shown by `npm run mutations`.
 */

const REQUIREMENTS = [...numbered('R', 29), ...numbered('P', 14)];
/** Requirements without a mutation, and why. */
const ABSENT: ReadonlyMap<string, string> = new Map();

const THIS = 'test/requirements.test.ts';
const mutations = readMutations();
const named = new Set(
  testFiles()
    .filter((file) => file !== THIS && !file.startsWith('test/mutations/'))
    .flatMap((file) => titlesIn(file).flatMap(requirementsIn)),
);

describe.each(REQUIREMENTS)('%s', (requirement) => {
  it('is named by a test', () => {
    expect(named).toContain(requirement);
  });

  it('is broken by a mutation, or it is said why not', () => {
    const ids = mutations.filter((one) => one.requirement === requirement).map(({ id }) => id);
    expect(ids.length > 0 ? [] : [ABSENT.get(requirement)]).not.toContain(undefined);
    expect(ids.length > 0 && ABSENT.has(requirement)).toBe(false);
  });
});

describe('a mutation', () => {
  it.each(mutations)('$id names a test that is there and names the requirement', (mutation) => {
    const { requirement, test, name } = mutation;
    expect(REQUIREMENTS).toContain(requirement);
    expect(requirementsIn(name)).toContain(requirement);
    expect(existsSync(test)).toBe(true);
    expect(isTitled(name, titlesIn(test))).toBe(true);
  });

  it('is a patch, and no patch lies elsewhere', () => {
    const patches = readdirSync(MUTATIONS, { recursive: true, encoding: 'utf8' });
    expect(patches.filter((file) => /\.(patch|rej|orig)$/.test(file)).sort()).toEqual(
      mutations.map(({ id }) => `${id}.patch`),
    );
  });
});

function numbered(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${letter}${i + 1}`);
}
