import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { FEWEST_OCTETS, type Mark, type Needle, needlesOf, type Place } from './marks.ts';
import { readEveryWay } from './readings.ts';

/** A mark that stands where it must not. */
export interface Finding {
  place: Place;
  /** The file or answer. */
  where: string;
  mark: Mark;
  /** `hex of reversed`, say. */
  form: string;
}

/** What is searched: from where on, and whether all of it came into being after the withdrawals of noon. */
export interface Heap {
  place: Place;
  where: string;
  isAfterNoon: boolean;
}

export interface Search {
  bytes(content: Uint8Array, heap: Heap): void;
  /** A file in pieces, from this octet on to that one, or to its end. */
  file(file: string, heap: Heap, from?: number, to?: number): void;
  /** Each mark once for each place, file and form. */
  findings(): Finding[];
  searched(): number;
}

/** Octets of a file that are read at a time, and of the piece before that are read again. */
const PIECE = 16 * 1024 * 1024;
const OVERLAP = 4 * 1024;
/** Findings that are told apart; a leak that has so many needs no more. */
const MAX_FINDINGS = 10_000;

/** One pass over everything, whatever the number of marks. */
export function createSearch(marks: readonly Mark[]): Search {
  const index = indexOf(marks);
  const findings = new Map<string, Finding>();
  let searched = 0;

  function bytes(content: Uint8Array, heap: Heap): void {
    searched += content.length;
    look(content, heap);
  }

  function look(content: Uint8Array, heap: Heap): void {
    readEveryWay(content, (read, length, how) => {
      index.each(read, length, (mark, form) => {
        if (!mark.places.includes(heap.place) || (mark.afterNoon && !heap.isAfterNoon)) return;
        note({
          place: heap.place,
          where: heap.where,
          mark,
          form: how === 'as it is' ? form : `${how} of ${form}`,
        });
      });
    });
  }

  function note(finding: Finding): void {
    if (findings.size >= MAX_FINDINGS) return;
    const { place, where, form, mark } = finding;
    findings.set([place, where, form, mark.octets.toString('hex')].join(' '), finding);
  }

  function file(name: string, heap: Heap, from = 0, to = Number.POSITIVE_INFINITY): void {
    const descriptor = openSync(name, 'r');
    try {
      const size = Math.min(to, fstatSync(descriptor).size) - from;
      const piece = Buffer.alloc(Math.max(0, Math.min(PIECE, size)) + OVERLAP);
      let kept = 0;
      for (let at = from; at < to; ) {
        const read = readSync(descriptor, piece, kept, Math.min(piece.length - OVERLAP, to - at), at);
        if (read === 0) break;
        at += read;
        searched += read;
        look(piece.subarray(0, kept + read), heap);
        const overlap = Math.min(OVERLAP, kept + read);
        piece.copyWithin(0, kept + read - overlap, kept + read);
        kept = overlap;
      }
    } finally {
      closeSync(descriptor);
    }
  }

  return { bytes, file, findings: () => [...findings.values()], searched: () => searched };
}

/** Bits of the first, coarse look: whether any needle begins with four octets like these. */
const COARSE_BITS = 27;
const MIX = 0x9e3779b1;

/**
 * Needles by their first six octets, in plain arrays: millions of them in some tens of megabytes.
 * `each` calls for every needle that stands in the first `length` octets, in full.
 */
function indexOf(marks: readonly Mark[]) {
  const entries: { mark: Mark; which: number; four: number; two: number }[] = [];
  for (const mark of marks) {
    for (const [which, { bytes }] of needlesOf(mark).entries()) {
      entries.push({ mark, which, four: bytes.readUInt32BE(0), two: bytes.readUInt16BE(4) });
    }
  }
  const slots = 2 ** Math.ceil(Math.log2(Math.max(16, entries.length * 2)));
  const coarse = new Uint8Array(2 ** (COARSE_BITS - 3));
  const first = new Uint32Array(slots);
  const next = new Uint16Array(slots);
  const held = new Int32Array(slots).fill(-1);
  for (const [entry, { four, two }] of entries.entries()) put(four, two, entry);

  function put(four: number, two: number, entry: number): void {
    const bit = Math.imul(four, MIX) >>> (32 - COARSE_BITS);
    coarse[bit >> 3] = (coarse[bit >> 3] as number) | (1 << (bit & 7));
    let slot = slotOf(four, two);
    while ((held[slot] as number) >= 0) slot = (slot + 1) & (slots - 1);
    first[slot] = four;
    next[slot] = two;
    held[slot] = entry;
  }

  function slotOf(four: number, two: number): number {
    return (Math.imul(four ^ Math.imul(two, 0x85ebca6b), MIX) >>> 0) & (slots - 1);
  }

  /** Made anew: a million needles in full would take more room than all else. */
  function needleOf(entry: number): { mark: Mark; needle: Needle } {
    const { mark, which } = entries[entry] as (typeof entries)[number];
    return { mark, needle: needlesOf(mark)[which] as Needle };
  }

  return {
    each(bytes: Uint8Array, length: number, found: (mark: Mark, form: string) => void): void {
      let four = 0;
      for (let at = 0; at + 2 < length; at += 1) {
        // `four` holds the octets at − 3 … at; the two behind them are looked at when these are known.
        four = ((four << 8) | (bytes[at] as number)) >>> 0;
        if (at < 3) continue;
        const bit = Math.imul(four, MIX) >>> (32 - COARSE_BITS);
        if (((coarse[bit >> 3] as number) & (1 << (bit & 7))) === 0) continue;
        const two = ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
        const from = at - 3;
        for (let slot = slotOf(four, two); (held[slot] as number) >= 0; slot = (slot + 1) & (slots - 1)) {
          if (first[slot] !== four || next[slot] !== two) continue;
          const { mark, needle } = needleOf(held[slot] as number);
          if (isAt(bytes, length, from, needle.bytes)) found(mark, needle.form);
        }
      }
    },
  };
}

function isAt(bytes: Uint8Array, length: number, from: number, wanted: Buffer): boolean {
  if (wanted.length < FEWEST_OCTETS || from + wanted.length > length) return false;
  for (let i = 0; i < wanted.length; i += 1) if (bytes[from + i] !== wanted[i]) return false;
  return true;
}
