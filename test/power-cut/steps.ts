import { dirname, relative } from 'node:path';
import { type Call, descriptor, numbersAtEnd, quoted } from './trace.ts';

/** Files of a folder by their names relative to it. */
export type Image = Map<string, Buffer>;

/** Stands for a file whatever its name is, as an inode does. */
type FileId = number;

/** What a traced process did to a folder's files, and what it said over its sockets. */
export type Step = {
  /** The line of the trace from which on it may have had its effect. */
  line: number;
  /** When it began, ms since the epoch. */
  at: number;
} & Effect;

type Effect = Change | Sync | { is: 'said'; from: number; to: number; octets: Buffer };

/** Waits in the system's memory for a `Sync` of its file or folder. `ended`: the line in which the call had returned. */
export type Change = { ended: number } & (
  | { is: 'write'; file: FileId; offset: number; octets: Buffer }
  | { is: 'size'; file: FileId; size: number }
  /** Entries of a folder that change together; null: the name is gone. */
  | { is: 'names'; folder: string; names: [name: string, file: FileId | null][] }
);

/** Of everything that had returned before line `begun`. */
export interface Sync {
  is: 'sync';
  of: FileId | string;
  begun: number;
  ok: boolean;
}

export interface Story {
  /** What lay in the folder before, all of it on disk. Its files have the ids 0, 1, … in this order. */
  base: Image;
  steps: Step[];
}

/** SQLite rebuilds it at each start: it is shared memory, and a power cut takes it along. */
export const isMemory = (name: string) => name.endsWith('-shm');

/**
 * The calls as steps, in the order of their effect: what is written may be on disk as soon as the call
 * begins, a sync counts when it has ended, what is said counts as heard when the call begins. All the
 * strictest way. A folder within is taken to be on disk as soon as it is made.
 */
export function readSteps(calls: readonly Call[], folder: string, base: Image): Story {
  const files = openFiles(folder, base);
  const steps = calls.flatMap((call) => {
    const { at, begun, ended } = call;
    return effects(call, files).map(
      (effect): Step => ({ ...effect, at, line: effect.is === 'sync' ? ended : begun }),
    );
  });
  return { base, steps: steps.sort((a, b) => a.line - b.line) };
}

type Files = ReturnType<typeof openFiles>;

/** The names, sizes and descriptors of the moment. */
function openFiles(folder: string, base: Image) {
  const ids = new Map([...base.keys()].map((name, id) => [name, id]));
  const sizes = new Map([...base.values()].map(({ length }, id) => [id, length]));
  /** A descriptor of another file is kept as undefined; one process at a time has these files open. */
  const opened = new Map<number, { file: FileId; next: number; appends: boolean } | undefined>();
  return {
    ids,
    sizes,
    opened,
    /** Undefined for what lies elsewhere, and for shared memory. */
    nameOf(path: string | undefined): string | undefined {
      if (path === undefined || !path.startsWith(`${folder}/`) || isMemory(path)) return undefined;
      return relative(folder, path);
    },
    /** What is opened and is none of the files. */
    folderOf(path = ''): string | undefined {
      return `${path}/`.startsWith(`${folder}/`) && !isMemory(path)
        ? relative(folder, path) || '.'
        : undefined;
    },
    create(): FileId {
      sizes.set(sizes.size, 0);
      return sizes.size - 1;
    },
  };
}

function effects(call: Call, files: Files): Effect[] {
  if (call.name === 'fsync' || call.name === 'fdatasync') return synced(call, files);
  if (call.result < 0) return [];
  switch (call.name) {
    case 'openat':
      return opening(call, files);
    case 'write':
    case 'writev':
    case 'pwrite64':
    case 'pwritev':
      return writing(call, files);
    case 'ftruncate':
      return resized(call, files, numbersAtEnd(call)[0] ?? 0);
    case 'fallocate':
      return allocated(call, files);
    case 'unlink':
    case 'unlinkat':
      return renamed(call, files, ([gone]) => [[gone, null]]);
    case 'rename':
    case 'renameat':
    case 'renameat2':
      return renamed(call, files, ([from, to]) => [
        [from, null],
        [to, files.ids.get(from ?? '') ?? null],
      ]);
    case 'link':
    case 'linkat':
      return renamed(call, files, ([from, to]) => [[to, files.ids.get(from ?? '') ?? null]]);
    default:
      throw new Error(`the trace has ${call.name}, which is not understood`);
  }
}

function synced(call: Call, files: Files): Effect[] {
  const { fd, path } = descriptor(call);
  const of = files.opened.get(fd)?.file ?? files.folderOf(path);
  return of === undefined ? [] : [{ is: 'sync', of, begun: call.begun, ok: call.result === 0 }];
}

function opening(call: Call, { ids, opened, nameOf, create }: Files): Effect[] {
  const name = nameOf(call.opened);
  const known = ids.get(name ?? '');
  if (name === undefined || (known === undefined && !call.args.includes('O_CREAT'))) {
    opened.set(call.result, undefined);
    return [];
  }
  const file = known ?? create();
  opened.set(call.result, { file, next: 0, appends: call.args.includes('O_APPEND') });
  const { ended } = call;
  if (known !== undefined) {
    return call.args.includes('O_TRUNC') ? [{ is: 'size', file, size: 0, ended }] : [];
  }
  ids.set(name, file);
  return [{ is: 'names', folder: dirname(name), names: [[name, file]], ended }];
}

function writing(call: Call, { opened, sizes, nameOf }: Files): Effect[] {
  const { fd, path, ports } = descriptor(call);
  const octets = () => Buffer.concat(quoted(call)).subarray(0, call.result);
  if (ports) return [{ is: 'said', from: ports[0], to: ports[1], octets: octets() }];
  if (nameOf(path?.replace(/ \(deleted\)$/, '')) === undefined) return [];
  const handle = opened.get(fd);
  if (!handle) throw new Error(`the trace writes ${path} without having opened it`);
  const { file } = handle;
  const size = sizes.get(file) ?? 0;
  const isPlaced = call.name.startsWith('pwrite');
  const offset = isPlaced ? (numbersAtEnd(call).at(-1) ?? 0) : handle.appends ? size : handle.next;
  if (!isPlaced) handle.next = offset + call.result;
  sizes.set(file, Math.max(size, offset + call.result));
  return [{ is: 'write', file, offset, octets: octets(), ended: call.ended }];
}

function resized(call: Call, { opened, sizes }: Files, size: number): Effect[] {
  const handle = opened.get(descriptor(call).fd);
  if (!handle) return [];
  sizes.set(handle.file, size);
  return [{ is: 'size', file: handle.file, size, ended: call.ended }];
}

function allocated(call: Call, files: Files): Effect[] {
  const { fd } = descriptor(call);
  const [, mode, from, length] = /, (\w+), (\d+), (\d+)$/.exec(call.args) ?? [];
  const file = files.opened.get(fd)?.file;
  if (file === undefined) return [];
  if (mode !== '0') throw new Error(`the trace has fallocate ${mode}, which is not understood`);
  return resized(call, files, Math.max(files.sizes.get(file) ?? 0, Number(from) + Number(length)));
}

type Renaming = (names: string[]) => [name: string | undefined, file: FileId | null][];

function renamed(call: Call, { ids, nameOf }: Files, renaming: Renaming): Effect[] {
  const paths = quoted(call).map((path) => nameOf(path.toString()));
  if (paths.every((name) => name === undefined)) return [];
  const names = renaming(paths.map((name) => name ?? '')).filter(
    (one): one is [string, FileId | null] => !!one[0],
  );
  for (const [name, file] of names) {
    if (file === null) ids.delete(name);
    else ids.set(name, file);
  }
  const [folder = '.', ...others] = new Set(names.map(([name]) => dirname(name)));
  if (others.length > 0) throw new Error('the trace moves a file between folders, which is not understood');
  return [{ is: 'names', folder, names, ended: call.ended }];
}
