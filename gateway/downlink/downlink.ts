import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { uplinkName } from '../uplinks/index.ts';
import { type CentralMessage, centralReader, Refused } from './central-message.ts';
import { httpDownlink } from './http.ts';
import { mqttDownlink } from './mqtt.ts';

/** A message that was read, as the gateway takes it; `cursor` is kept in the same transaction. */
export type Taken = Exclude<CentralMessage, { kind: 'nothing' }> & { cursor?: unknown };

export interface DownlinkParts {
  config: Config;
  log: Logger;
  /** Where the last run left off: the last `cursor` that was taken. */
  cursor: unknown;
  /** The platform's clock, ms. */
  heardDate: (date: number) => void;
  /** Says why a message was not taken. */
  refused: (reason: string) => void;
  /** Takes a message; resolves once it is on disk, with the reason where the pipeline refused it. */
  take: (message: Taken) => Promise<string | undefined>;
}

/** Listens to the central platform by every uplink that is configured. Nothing is taken after `close`. */
export function startDownlink(parts: DownlinkParts): { close(): Promise<void> } {
  const { config, log } = parts;
  const reader = centralReader(config.consents.issuerKeys);
  const cursors = cursorsOf(parts.cursor);
  let closed = false;

  /** Takes one signed message; what is refused is logged and left, never tried again. */
  function receiver(uplink: string) {
    /** A part of a list waits in memory for the others: until then the cursor stays before it. */
    let isPartWaiting = false;
    return async (jws: string, cursor?: unknown): Promise<void> => {
      const message = await read(jws);
      if (closed) throw new Error('the gateway ends');
      if (!message) return;
      if (message.kind === 'nothing') {
        isPartWaiting = true;
        log.info('a part of a list came, others are awaited; or a message of a kind that is not built yet');
        return;
      }
      if (message.kind === 'consents') isPartWaiting = false;
      const isKept = cursor !== undefined && !isPartWaiting;
      const kept = { ...cursors, [uplink]: cursor };
      const refused = await parts.take({ ...message, ...(isKept && { cursor: kept }) });
      if (isKept) cursors[uplink] = cursor;
      if (refused === undefined) log.info({ kind: message.kind }, 'taken from the central platform');
      else parts.refused(`${message.kind}: ${refused}`);
    };
  }

  async function read(jws: string): Promise<CentralMessage | undefined> {
    try {
      return await reader.read(jws);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      parts.refused(error.message);
      return undefined;
    }
  }

  const downlinks = config.uplinks.map((uplink) => {
    const name = uplinkName(uplink);
    const receive = receiver(name);
    return uplink.kind === 'http'
      ? httpDownlink({ ...uplink, cursor: cursors[name], receive, heardDate: parts.heardDate })
      : mqttDownlink({ ...uplink, store: config.store.id, gateway: config.store.gateway, receive });
  });
  return {
    async close() {
      closed = true;
      await Promise.all(downlinks.map((downlink) => downlink.close()));
    },
  };
}

/** Each platform's own, by the uplink's name: one platform's cursor means nothing to another. */
function cursorsOf(stored: unknown): Record<string, unknown> {
  return typeof stored === 'object' && stored !== null ? { ...stored } : {};
}
