import { closest, distance } from 'fastest-levenshtein';
import { isMap, isPair, isScalar, LineCounter, parseDocument, type YAMLMap } from 'yaml';
import type { z } from 'zod';

/** One thing wrong in a YAML file; `text` begins with `file:line:column`. */
export interface Problem {
  text: string;
}

type Path = (string | number)[];

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
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    return {
      problems: document.errors.map((error) => ({
        text: `${at(error.pos[0])}: not YAML: ${error.message.split('\n')[0]}`,
      })),
    };
  }
  const problems: Problem[] = [];
  const report = (path: Path, message: string) => {
    problems.push({ text: `${at(offsetOf(document.contents, path))}: ${name(path)}${message}` });
  };
  const parsed = schema.safeParse(document.toJS());
  if (parsed.success) {
    crossCheck(parsed.data, report);
    return problems.length > 0 ? { problems } : { value: parsed.data };
  }
  for (const issue of parsed.error.issues) {
    const path = issue.path.filter((part) => typeof part !== 'symbol') as Path;
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        report(
          [...path, key],
          `is not a key of ${path.join('.') || 'the file'}${meant(key, keysAt(schema, path))}`,
        );
      }
    } else report(path, issue.message);
  }
  return { problems };
}

function name(path: Path): string {
  return path.length > 0 ? `${path.join('.')}: ` : '';
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

function meant(key: string, known: string[]): string {
  if (known.length === 0) return '';
  const near = closest(key, known);
  const isNear = distance(key.toLowerCase(), near.toLowerCase()) <= Math.max(2, Math.floor(key.length / 3));
  return isNear ? `; did you mean "${near}"?` : `; it knows ${known.join(', ')}`;
}

/** The keys that the schema knows at `path`, through defaults, arrays and unions. */
function keysAt(schema: unknown, path: Path): string[] {
  const inner = unwrap(schema);
  const [head, ...rest] = path;
  if (inner.options) return inner.options.flatMap((option) => keysAt(option, path));
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
