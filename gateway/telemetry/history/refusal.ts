import { isDiskRefusing } from '../../database.ts';

/** SQLite's or the system's word for an error; none: it is neither's. */
export const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '');

/** Why the history cannot be written or read; what the operator can do something about comes with what to do. */
export function sentenceOf(error: unknown): string {
  const { message } = error as Error;
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return 'the folder of the history is not there: put it back, and it goes on';
  if (code.startsWith('SQLITE_BUSY'))
    return 'another program holds the file of the history: it goes on when that one lets go';
  const isDisk = isDiskRefusing(error) || (error as NodeJS.ErrnoException).errno !== undefined;
  if (!isDisk) return message;
  return `the disk refuses the history (${message}): see that it has room and can be written`;
}
