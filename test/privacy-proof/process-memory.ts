import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';

/** Octets of one mapping that are read at a time. */
const PIECE = 4 * 1024 * 1024;

/**
 * Copies what a process can write of its memory into a file, freed memory and all; nothing where the system
 * does not permit it. Returns how many octets there were.
 */
export function copyMemory(pid: number, file: string): number | undefined {
  let memory: number;
  try {
    memory = openSync(`/proc/${pid}/mem`, 'r');
  } catch {
    return undefined;
  }
  const copy = openSync(file, 'w', 0o600);
  let octets = 0;
  try {
    const piece = Buffer.alloc(PIECE);
    for (const { from, to } of writableMappings(pid)) {
      for (let at = from; at < to; ) {
        const read = readAt(memory, piece, Math.min(PIECE, to - at), at);
        if (read === 0) break;
        writeSync(copy, piece, 0, read);
        octets += read;
        at += read;
      }
    }
  } finally {
    closeSync(memory);
    closeSync(copy);
  }
  return octets;
}

/** Some mappings cannot be read at all, a device's for example: these say nothing. */
function readAt(memory: number, piece: Buffer, length: number, at: number): number {
  try {
    return readSync(memory, piece, 0, length, at);
  } catch {
    return 0;
  }
}

/** proc(5), /proc/pid/maps: `from-to perms …`. */
function writableMappings(pid: number): { from: number; to: number }[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  return lines.flatMap((line) => {
    const [, from = '', to = ''] = line.match(/^([0-9a-f]+)-([0-9a-f]+) rw/) ?? [];
    return from === '' ? [] : [{ from: Number.parseInt(from, 16), to: Number.parseInt(to, 16) }];
  });
}

/** The soft limit of a core dump's size, octets, as proc(5) has it: `0` is no dump (R1). */
export function coreLimit(pid: number): string {
  const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
  return limits.match(/^Max core file size\s+(\S+)/m)?.[1] ?? 'unknown';
}
