import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { type CentralMessage, centralReader, Refused } from './central-message.ts';
import { httpDownlink } from './http.ts';
import { mqttDownlink } from './mqtt.ts';

/** A message that was read, as the gateway takes it; `cursor` is kept in the same transaction. */
export type Taken = Exclude<CentralMessage, { kind: 'nothing' }> & { cursor?: unknown };

export interface DownlinkParts {
  config: Config;
  log: Logger;
  /** Where the last run left off. */
  cursor: unknown;
  /** The platform's clock, ms. */
  heardDate: (date: number) => void;
  /** Takes a message; resolves once it is on disk, with the reason where the pipeline refused it. */
  take: (message: Taken) => Promise<string | undefined>;
}

/** Listens to the central platform by every uplink that is configured. */
export function startDownlink(parts: DownlinkParts): { close(): Promise<void> } {
  const { config, log } = parts;
  const reader = centralReader(config.consents.issuerKeys);

  /** One signed message; what is refused is logged and left, never tried again. */
  async function receive(jws: string, cursor?: unknown): Promise<void> {
    try {
      const message = await reader.read(jws);
      if (message.kind === 'nothing') return;
      const refused = await parts.take({ ...message, ...(cursor !== undefined && { cursor }) });
      if (refused !== undefined)
        log.warn({ reason: refused, kind: message.kind }, 'refused from the central platform');
      else log.info({ kind: message.kind }, 'taken from the central platform');
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      log.warn({ reason: error.message }, 'refused from the central platform');
    }
  }

  const downlinks = config.uplinks.map((uplink) =>
    uplink.kind === 'http'
      ? httpDownlink({ ...uplink, cursor: parts.cursor, receive, heardDate: parts.heardDate })
      : mqttDownlink({ ...uplink, store: config.store.id, gateway: config.store.gateway, receive }),
  );
  return {
    async close() {
      await Promise.all(downlinks.map((downlink) => downlink.close()));
    },
  };
}
