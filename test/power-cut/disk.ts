import type { Change, Image, Step, Story } from './steps.ts';

/** What becomes of a change that no sync had brought to the disk for certain. */
export interface Luck {
  /** Whether a change of names, or of a size, is there. */
  keeps(): boolean;
  /** Null: all of it is there, or nothing, as `keeps` says; else each piece of so many octets by itself. */
  tears(): number | null;
}

/** Everything is there, as if the machine had gone on. */
export const EVERYTHING: Luck = { keeps: () => true, tears: () => null };

/** A disk behind a memory that forgets: the steps go in one after another, a cut can be looked at after each. */
export interface Disk {
  /** @throws where a step is none of a disk's. */
  take(step: Step): void;
  /** What is found after a cut in this moment. */
  afterCut(luck: Luck): Image;
}

/**
 * - A sync keeps all changes of its file or folder that had returned when it began.
 * - After a failed sync the system takes them for written, and no later sync writes them: they stay in
 *   doubt until they are written anew ("fsync-gate").
 * - A file's sync says nothing of its name: that is its folder's.
 */
export function openDisk({ base }: Pick<Story, 'base'>): Disk {
  const names = new Map([...base.keys()].map((name, file) => [name, file]));
  const contents = [...base.values()].map((octets) => contentOf(Buffer.from(octets)));
  const logs = new Map<number | string, Logged[]>();

  function logOf(place: number | string): Logged[] {
    const log = logs.get(place) ?? [];
    logs.set(place, log);
    return log;
  }

  function take(step: Step): void {
    if (step.is === 'said') return;
    if (step.is !== 'sync') {
      logOf(step.is === 'names' ? step.folder : step.file).push({ change: step, fate: 'open' });
      return;
    }
    const log = logOf(step.of);
    for (const one of log) {
      if (one.fate === 'open' && one.change.ended < step.begun) one.fate = step.ok ? 'kept' : 'doubtful';
    }
    // What stands before the first doubtful one is certain for good.
    const certain = log.findIndex(({ fate }) => fate !== 'kept');
    for (const { change } of log.splice(0, certain < 0 ? log.length : certain)) certainly(change);
  }

  function certainly(change: Change): void {
    if (change.is === 'names') rename(names, change, true);
    else alter(contentAt(change.file), change, EVERYTHING);
  }

  function contentAt(file: number): Content {
    const content = contents[file] ?? contentOf(Buffer.alloc(0));
    contents[file] = content;
    return content;
  }

  function found(file: number, luck: Luck): Buffer {
    const content = contentOf(Buffer.from(octetsOf(contentAt(file))));
    for (const { change, fate } of logOf(file)) {
      if (change.is !== 'names') alter(content, change, fate === 'kept' ? EVERYTHING : luck);
    }
    return octetsOf(content);
  }

  return {
    take,
    afterCut(luck) {
      const there = new Map(names);
      for (const log of logs.values()) {
        for (const { change, fate } of log) {
          if (change.is === 'names') rename(there, change, fate === 'kept' || luck.keeps());
        }
      }
      return new Map([...there].map(([name, file]) => [name, found(file, luck)]));
    },
  };
}

interface Logged {
  change: Change;
  /** `open`: no sync yet. */
  fate: 'open' | 'kept' | 'doubtful';
}

function rename(names: Map<string, number>, change: Change & { is: 'names' }, isThere: boolean): void {
  if (!isThere) return;
  for (const [name, file] of change.names) {
    if (file === null) names.delete(name);
    else names.set(name, file);
  }
}

/** Octets with room to grow. */
interface Content {
  room: Buffer;
  size: number;
}

const contentOf = (octets: Buffer): Content => ({ room: octets, size: octets.length });
const octetsOf = ({ room, size }: Content) => room.subarray(0, size);

function alter(content: Content, change: Exclude<Change, { is: 'names' }>, luck: Luck): void {
  if (change.is === 'size') {
    if (luck.keeps()) resize(content, change.size);
    return;
  }
  const { offset, octets } = change;
  const piece = luck.tears();
  if (piece === null) {
    if (luck.keeps()) lay(content, offset, octets);
    return;
  }
  // The size is told apart from what stands there: a hole reads as zeros.
  if (luck.keeps()) resize(content, Math.max(content.size, offset + octets.length));
  for (let from = 0; from < octets.length; ) {
    // Pieces lie on the disk's own borders, wherever the write begins.
    const to = Math.min(octets.length, from + piece - ((offset + from) % piece));
    if (luck.keeps()) lay(content, offset + from, octets.subarray(from, to));
    from = to;
  }
}

function lay(content: Content, offset: number, octets: Buffer): void {
  resize(content, Math.max(content.size, offset + octets.length));
  octets.copy(content.room, offset);
}

function resize(content: Content, size: number): void {
  if (size > content.room.length) {
    const room = Buffer.alloc(Math.max(size, 2 * content.room.length));
    content.room.copy(room, 0, 0, content.size);
    content.room = room;
  }
  // What was cut off does not come back when the file grows again.
  if (size > content.size) content.room.fill(0, content.size, size);
  content.size = size;
}
