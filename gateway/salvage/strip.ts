import { closeSync, existsSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { PAGE } from './first-page.ts';

/*
 * A database that was set aside is never deleted, and no erasure reaches it. So what would open people's
 * data in it is taken out at once (P14, R15): every page but the first that is no page of a table by number.
 * That leaves events and the audit, and takes the keys of waiting personal events, consents, visits, dead
 * letters and long values. What was sealed under those keys stays sealed for ever.
 */

/** Types of b-tree pages (https://sqlite.org/fileformat.html §1.6): interior and leaf of a table by number. */
const BY_NUMBER: ReadonlySet<number> = new Set([0x05, 0x0d]);
/** Header of a write-ahead log and of each of its frames (§4.1). */
const LOG_HEADER = 32;
const FRAME_HEADER = 24;
const PAGES_AT_ONCE = 1_024;

/** @throws where the disk refuses. */
export function strip(file: string): void {
  stripPages(file, 0, 0);
  stripPages(`${file}-wal`, LOG_HEADER, FRAME_HEADER);
}

/** Pages of a file that begin after `header`, each behind a head of its own. */
function stripPages(file: string, header: number, head: number): void {
  if (!existsSync(file)) return;
  const stride = head + PAGE;
  const buffer = Buffer.allocUnsafe(stride * PAGES_AT_ONCE);
  const descriptor = openSync(file, 'r+');
  try {
    for (let offset = header; ; offset += buffer.length) {
      const length = readSync(descriptor, buffer, 0, buffer.length, offset);
      if (length === 0) break;
      for (let at = 0; at < length; at += stride) {
        const isFirst = head === 0 ? offset + at === 0 : buffer.readUInt32BE(at) === 1;
        const isKept = isFirst || BY_NUMBER.has(buffer[at + head] ?? 0);
        if (!isKept) buffer.fill(0, Math.min(at + head, length), Math.min(at + stride, length));
      }
      writeSync(descriptor, buffer, 0, length, offset);
    }
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
