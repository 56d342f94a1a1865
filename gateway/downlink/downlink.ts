import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { CentralCommand } from '../pipeline/signal.ts';
import { isPlatform, uplinkName } from '../uplinks/index.ts';
import type { SignedList } from './central-message.ts';
import { feedList, type ListSlice } from './feed-list.ts';
import { httpDownlink } from './http.ts';
import { mqttDownlink } from './mqtt.ts';
import { type CentralReading, openReader } from './reader.ts';

/** A message that was read, as the gateway takes it; `cursor` is kept in the same transaction. */
export type Taken = (SignedList | ListSlice | { kind: 'command'; command: CentralCommand }) & {
  cursor?: unknown;
};

export interface DownlinkParts {
  config: Config;
  log: Logger;
  /** Where the last run left off: the last `cursor` that was taken. */
  cursor: unknown;
  /** The platform's clock, ms. */
  heardDate: (date: number) => void;
  /** Says why a message was not taken. */
  refused: (reason: string) => void;
  /** Ids of the consent records, and of the shop's own choices, that a full list ends by not naming them. */
  inForce: () => Iterable<string>;
  /** Takes a message; resolves once it is on disk, with the reason where the pipeline refused it. */
  take: (message: Taken) => Promise<string | undefined>;
  /** MiB for the thread that reads; beyond, it ends and starts again. */
  memory?: number;
}

/** Listens to the central platform by every uplink that is configured. Nothing is taken after `close`. */
export function startDownlink(parts: DownlinkParts): { close(): Promise<void> } {
  const { config, log } = parts;
  if (!config.uplinks.some(isPlatform)) return { close: async () => {} };
  const { issuerKeys } = config.consents;
  const reader = openReader({ issuerKeys, storeId: config.store.id, log, memory: parts.memory });
  const cursors = cursorsOf(parts.cursor);
  const alone = oneAtATime();
  let closed = false;

  /** Takes one signed message; what is refused is logged and left, never tried again. */
  function receiver(uplink: string) {
    /** A part of a list waits in memory for the others: until then the cursor stays before it. */
    let isPartWaiting = false;

    return async (read: () => Promise<CentralReading>, cursor?: unknown): Promise<void> => {
      const message = await read();
      if (closed) throw new Error('the gateway ends');
      if (message.kind === 'refused') return parts.refused(message.reason);
      if (message.kind === 'nothing') {
        isPartWaiting = true;
        log.info('a part of a list came, others are awaited; or a message of a kind that is not built yet');
        return;
      }
      if (message.kind !== 'command') isPartWaiting = false;
      const taken = isPartWaiting ? undefined : cursor;
      const refused = await takeWith(message, uplink, taken);
      const kind = message.kind === 'command' ? 'command' : 'consents';
      if (refused === undefined) log.info({ kind }, 'taken from the central platform');
      else parts.refused(`${kind}: ${refused}`);
    };
  }

  /** The cursor goes with the message, of a long list with its end. */
  async function takeWith(message: Readable, uplink: string, cursor: unknown): Promise<string | undefined> {
    const take = async (one: Taken, isEnd: boolean): Promise<string | undefined> => {
      if (closed) throw new Error('the gateway ends');
      if (!isEnd || cursor === undefined) return parts.take(one);
      const refused = await parts.take({ ...one, cursor: { ...cursors, [uplink]: cursor } });
      cursors[uplink] = cursor;
      return refused;
    };
    if (message.kind === 'command') return take(message, true);
    if (message.kind === 'consents') return alone(() => take(message, true));
    return alone(() => feedList(message, { inForce: parts.inForce, take })).finally(message.forget);
  }

  const downlinks = config.uplinks.filter(isPlatform).map((uplink) => {
    const name = uplinkName(uplink);
    const receive = receiver(name);
    const { refused, heardDate } = parts;
    return uplink.kind === 'http'
      ? httpDownlink({ ...uplink, reader, kept: () => cursors[name], receive, refused, heardDate })
      : mqttDownlink({
          ...uplink,
          store: config.store.id,
          gateway: config.store.gateway,
          receive: (message) => receive(() => reader.read(message)),
        });
  });
  return {
    async close() {
      closed = true;
      await Promise.all(downlinks.map((downlink) => downlink.close()));
      await reader.close();
    },
  };
}

type Readable = Exclude<CentralReading, { kind: 'refused' | 'nothing' }>;

/** The door for lists: the slices of one never come between those of another, whoever brought it. */
function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };
}

/** Each platform's own, by the uplink's name: one platform's cursor means nothing to another. */
function cursorsOf(stored: unknown): Record<string, unknown> {
  return typeof stored === 'object' && stored !== null ? { ...stored } : {};
}
