import type { SignedList } from './downlink/central-message.ts';
import { feedList, type ListSlice } from './downlink/feed-list.ts';
import type { CentralReading, Reader } from './downlink/reader.ts';

export interface ImportParts {
  reader: Pick<Reader, 'read'>;
  /** Records that a full list has to name, or they end. */
  inForce: () => Iterable<string>;
  /** Takes a list or a slice of it; resolves once it is on disk, with the reason where it was refused. */
  take: (list: SignedList | ListSlice) => Promise<string | undefined>;
}

/**
 * A signed consent list that came by hand instead of over a downlink: compact JWS, one a line, each a part.
 * The same checks, the same road. Gives the version that is in force then.
 * @throws with the reason where a line is no signed list, a part is missing, or the list is refused.
 */
export async function importList(text: string, parts: ImportParts): Promise<{ version: number }> {
  const lines = text.split('\n').flatMap((line) => line.trim() || []);
  if (lines.length === 0) throw new Error('there is no list: one compact JWS a line is expected');
  let version: number | undefined;
  for (const [i, line] of lines.entries()) {
    const reading = await parts.reader.read(Buffer.from(line));
    version = (await takeOne(reading, `line ${i + 1}`, parts)) ?? version;
  }
  if (version === undefined) throw new Error('the list is not whole: some of its parts are missing');
  return { version };
}

/** The version of a list that is whole with this line. */
async function takeOne(
  reading: CentralReading,
  where: string,
  { inForce, take }: ImportParts,
): Promise<number | undefined> {
  switch (reading.kind) {
    case 'refused':
      throw new Error(`${where}: ${reading.reason}`);
    case 'command':
      throw new Error(`${where}: is a command, not a consent list`);
    case 'nothing':
      return undefined;
    case 'consents':
      throwWhere(await take(reading));
      return reading.version;
    case 'long-list':
      try {
        throwWhere(await feedList(reading, { inForce, take }));
      } finally {
        reading.forget();
      }
      return reading.head.version;
  }
}

function throwWhere(refused: string | undefined): void {
  if (refused !== undefined) throw new Error(refused);
}
