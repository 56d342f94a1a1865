import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex } from '../../devices/wire/hex.ts';
import { encodings } from './encodings.ts';

/** A stranger's identifier that stands where nothing of them may stand. */
export interface Finding {
  file: string;
  /** Hex. */
  identifier: string;
  encoding: string;
}

interface Needle {
  identifier: string;
  encoding: string;
  bytes: Buffer;
}

/** Needles by their first four octets, and which first two octets there are at all. */
interface Index {
  firstTwo: Uint8Array;
  byFirstFour: Map<number, Needle[]>;
}

/**
 * Looks through every byte of `files` for `identifiers` (hex, 6 octets or more), in every way of writing
 * them down: raw, in hex with and without separators and in either case, reversed, in decimal, in base64.
 * One pass over each file, however many identifiers there are; the same identifier in the same file is
 * found once for each encoding.
 */
export function searchFiles(files: readonly string[], identifiers: Iterable<string>): Finding[] {
  const needles = [...new Set(identifiers)].flatMap(needlesOf);
  const bytes = indexOf(needles.filter(({ isText }) => !isText));
  const texts = indexOf(needles.filter(({ isText }) => isText));
  return files.flatMap((file) => {
    const content = unlessGone(() => readFileSync(file), Buffer.alloc(0));
    const found = [...search(content, bytes), ...search(folded(content), texts)];
    return found.map(({ identifier, encoding }) => ({ file, identifier, encoding }));
  });
}

/** A database at work removes files of its own meanwhile: `gone` stands for what was in them. */
function unlessGone<T>(read: () => T, gone: T): T {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return gone;
    throw error;
  }
}

/** All files below these files and folders; what is not there is left out. */
export function filesBelow(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const entry = statSync(path, { throwIfNoEntry: false });
    if (!entry) return [];
    if (!entry.isDirectory()) return [path];
    const names = unlessGone(() => readdirSync(path), []);
    return filesBelow(names.map((name) => join(path, name)));
  });
}

/** How much there is below these files and folders. */
export function octetsOf(paths: readonly string[]): { files: number; octets: number } {
  const sizes = filesBelow(paths).map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0);
  return { files: sizes.length, octets: sizes.reduce((sum, size) => sum + size, 0) };
}

function needlesOf(identifier: string): (Needle & { isText: boolean })[] {
  const octets = fromHex(identifier);
  if (!octets) throw new Error(`"${identifier}" is no hex`);
  return encodings(octets).map(({ name, bytes, isText }) => ({ identifier, encoding: name, bytes, isText }));
}

function indexOf(needles: readonly Needle[]): Index {
  const firstTwo = new Uint8Array(0x1_0000);
  const byFirstFour = new Map<number, Needle[]>();
  for (const needle of needles) {
    firstTwo[needle.bytes.readUInt16BE(0)] = 1;
    const key = needle.bytes.readUInt32BE(0);
    byFirstFour.set(key, [...(byFirstFour.get(key) ?? []), needle]);
  }
  return { firstTwo, byFirstFour };
}

function search(content: Buffer, { firstTwo, byFirstFour }: Index): Set<Needle> {
  const found = new Set<Needle>();
  const last = content.length - 4;
  for (let at = 0; at <= last; at += 1) {
    if (firstTwo[((content[at] ?? 0) << 8) | (content[at + 1] ?? 0)] === 0) continue;
    for (const needle of byFirstFour.get(content.readUInt32BE(at)) ?? []) {
      const end = at + needle.bytes.length;
      if (end <= content.length && content.compare(needle.bytes, 0, needle.bytes.length, at, end) === 0) {
        found.add(needle);
      }
    }
  }
  return found;
}

/** A copy with A to Z as a to z. */
function folded(content: Buffer): Buffer {
  const copy = Buffer.from(content);
  for (let at = 0; at < copy.length; at += 1) {
    const octet = copy[at] ?? 0;
    if (octet >= 0x41 && octet <= 0x5a) copy[at] = octet | 0x20;
  }
  return copy;
}
