import { isMap, isPair, isScalar, LineCounter, parseDocument, type YAMLMap } from 'yaml';
import type { z } from 'zod';
import { nearest, sentenceOf } from './config-sentence.ts';

/** One thing wrong in a YAML file; `text` begins with `file:line:column`. */
export interface Problem {
  text: string;
}

type Path = (string | number)[];

/** One thing wrong, before it has a place in the file. */
interface Complaint {
  path: Path;
  text: string;
}

/**
 * Reads YAML against a schema and says where each problem stands, with the key that was probably meant.
 * `crossCheck` sees the value once the schema holds, and reports by path.
 */
export function readYaml<Schema extends z.ZodType>(
  text: string,
  file: string,
  schema: Schema,
  crossCheck: (value: z.infer<Schema>, problem: (path: Path, text: string) => void) => void,
): { value: z.infer<Schema> } | { problems: Problem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const at = (offset: number, message: string): Problem => {
    const { line, col } = lines.linePos(offset);
    return { text: `${file}:${line}:${col}: ${message}` };
  };
  if (document.errors.length > 0) {
    return { problems: document.errors.map(({ pos, message }) => at(pos[0], notYaml(message))) };
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // An alias without its anchor, or aliases of aliases without end, come to light only here.
    return { problems: [at(0, notYaml((error as Error).message))] };
  }
  const parsed = schema.safeParse(value, { reportInput: true });
  const complaints = parsed.success ? [] : complaintsOf(parsed.error.issues, schema);
  if (parsed.success) crossCheck(parsed.data, (path, text) => void complaints.push({ path, text }));
  if (parsed.success && complaints.length === 0) return { value: parsed.data };
  const placed = complaints.map(({ path, text }) => ({
    offset: offsetOf(document.contents, path),
    message: `${path.length > 0 ? `${path.join('.')}: ` : ''}${text}`,
  }));
  placed.sort((a, b) => a.offset - b.offset);
  return { problems: placed.map(({ offset, message }) => at(offset, message)) };
}

/** The parser's own words, without its own line numbers and advice to programmers. */
function notYaml(message: string): string {
  const [first = ''] = message.split('\n');
  return `not YAML: ${first.replace(/ at line \d+, column \d+:?$/, '').replace(/; please use YAML.*/, '')}`;
}

function complaintsOf(issues: readonly z.core.$ZodIssue[], schema: unknown): Complaint[] {
  const complaints: Complaint[] = [];
  /** Keys that are not missing but misspelt. */
  const meant = new Set<string>();
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const parent = pathOf(issue);
    const known = keysAt(schema, parent);
    for (const key of issue.keys) {
      const near = nearest(key, known);
      if (near !== undefined) meant.add([...parent, near].join('.'));
      const hint = near === undefined ? `; it knows ${known.join(', ')}` : `; did you mean "${near}"?`;
      complaints.push({
        path: [...parent, key],
        text: `is not a key of ${parent.join('.') || 'the file'}${known.length > 0 ? hint : ''}`,
      });
    }
  }
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') continue;
    const path = pathOf(issue);
    if (issue.input === undefined && meant.has(path.join('.'))) continue;
    complaints.push({ path, text: sentenceOf(issue) });
  }
  return complaints;
}

function pathOf(issue: z.core.$ZodIssue): Path {
  return issue.path.filter((part) => typeof part !== 'symbol') as Path;
}

/** Where the value at `path` stands; where it is missing, its nearest parent that is there. */
function offsetOf(root: unknown, path: Path): number {
  let node = root;
  let offset = (root as YAMLMap | null)?.range?.[0] ?? 0;
  for (const part of path) {
    const pair = isMap(node)
      ? node.items.find(
          (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(part),
        )
      : undefined;
    node = pair ? pair.value : (node as { get?: (key: unknown, keep: true) => unknown })?.get?.(part, true);
    const range = (pair?.key as { range?: [number, number, number] })?.range ?? (node as YAMLMap)?.range;
    if (!range) break;
    offset = range[0];
  }
  return offset;
}

/** The keys that the schema knows at `path`, through defaults, arrays and unions. */
function keysAt(schema: unknown, path: Path): string[] {
  const inner = unwrap(schema);
  const [head, ...rest] = path;
  if (inner.options) return [...new Set(inner.options.flatMap((option) => keysAt(option, path)))];
  if (head === undefined) return Object.keys(inner.shape ?? {});
  const next = inner.shape?.[String(head)] ?? inner.element;
  return next ? keysAt(next, rest) : [];
}

interface SchemaParts {
  shape?: Record<string, unknown>;
  element?: unknown;
  options?: unknown[];
}

function unwrap(schema: unknown): SchemaParts {
  let inner = schema as SchemaParts & { unwrap?: () => unknown };
  while (inner.unwrap && !inner.element) inner = inner.unwrap() as typeof inner;
  return inner;
}
