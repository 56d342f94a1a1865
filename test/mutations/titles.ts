import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LITERAL = /'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\\n]|\\.)*)`/g;

/** Test files, from the root of the tree. */
export function testFiles(): string[] {
  const below = readdirSync(`${ROOT}test`, { recursive: true, encoding: 'utf8' });
  return below.filter((file) => file.endsWith('.test.ts')).map((file) => `test/${file}`);
}

/**
 * The texts of a test file that can be the title of a test or of a group, or a row's name in it. Comments
 * are none: they prove nothing.
 */
export function titlesIn(file: string): string[] {
  const lines = readFileSync(`${ROOT}${file}`, 'utf8').split('\n');
  const code = lines.filter((line) => !/^\s*(\/\/|\/?\*)/.test(line)).join('\n');
  return [...code.matchAll(LITERAL)].map(([, single, double, back]) => single ?? double ?? back ?? '');
}

/** Whether a name is a part of one title, or a group's title and the beginning of a test's. */
export function isTitled(name: string, titles: readonly string[]): boolean {
  if (titles.some((title) => title.includes(name))) return true;
  return titles.some(
    (group) =>
      group !== '' &&
      name.startsWith(`${group} `) &&
      titles.some((title) => title.startsWith(name.slice(group.length + 1))),
  );
}

/** The requirements and promises that a title names: `R8, R9: …`, `P5, F4: …` or `… (R18)`. */
export function requirementsIn(title: string): string[] {
  return title.match(/\b[RP]\d{1,2}\b/g) ?? [];
}
