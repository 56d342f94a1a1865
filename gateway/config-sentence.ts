import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** One problem of a configuration as a sentence that follows the name of its place. */
export function sentenceOf(issue: Issue): string {
  const wanted = wantedOf(issue);
  return issue.input === undefined ? `is missing: ${wanted}` : wanted;
}

function wantedOf(issue: Issue): string {
  // Messages of our own schema begin in lower case and say it all.
  if (/^[a-z]/.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${named(issue.expected)}${found(issue.input)}`;
    case 'invalid_value':
      return oneOf(issue.values.map(String), issue.input);
    case 'invalid_union':
      return oneOf('options' in issue ? issue.options.map(String) : [], discriminatorOf(issue));
    case 'too_small':
      return `must ${limit(issue.origin, issue.inclusive ? 'at least' : 'more than', Number(issue.minimum))}`;
    case 'too_big':
      return `must ${limit(issue.origin, issue.inclusive ? 'at most' : 'less than', Number(issue.maximum))}`;
    default:
      return issue.message;
  }
}

function limit(origin: string, comparison: string, bound: number): string {
  if (origin === 'array') return `have ${comparison} ${bound} ${bound === 1 ? 'entry' : 'entries'}`;
  return origin === 'string' ? `have ${comparison} ${bound} characters` : `be ${comparison} ${bound}`;
}

const NAMES: Record<string, string> = {
  object: 'a map of keys',
  array: 'a list',
  tuple: 'a list',
  string: 'text',
  int: 'a whole number',
  boolean: 'true or false',
};

function named(type: string): string {
  return NAMES[type] ?? `a ${type}`;
}

function found(input: unknown): string {
  if (input === undefined) return '';
  if (input === null) return ', it is empty';
  if (Array.isArray(input)) return ', it is a list';
  return typeof input === 'object' ? ', it is a map of keys' : `, it is ${JSON.stringify(input)}`;
}

function oneOf(known: string[], input: unknown): string {
  const meant = typeof input === 'string' ? nearest(input, known) : undefined;
  return `must be one of ${known.join(', ')}${found(input)}${meant ? `; did you mean "${meant}"?` : ''}`;
}

function discriminatorOf(issue: Extract<Issue, { code: 'invalid_union' }>): unknown {
  const input = issue.input as Record<string, unknown> | undefined;
  return 'discriminator' in issue ? input?.[String(issue.discriminator)] : input;
}

/** What was probably meant by a word that is not known. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const near = closest(word, known);
  const slips = distance(word.toLowerCase(), near.toLowerCase());
  // Two letters changed places are two slips; a word of which nothing is left was not meant.
  return slips <= Math.max(2, Math.floor(word.length / 3)) && slips < word.length ? near : undefined;
}
