import { type CloudEvent, EVENT_BYTES, readCloudEvent } from '../profile-store/cloud-event.ts';
import { readEventKey } from './addresses.ts';

/** A message as the broker delivered it. */
export interface Arrived {
  /** Routing key: what the broker let its sender publish to. */
  address: string;
  body: Buffer;
  /** Delivered before to somebody who did not acknowledge it. */
  redelivered: boolean;
}

export type Read = { arrived: Arrived; event: CloudEvent } | { arrived: Arrived; reason: string };

/** The event in a message, or why there is none. A reason names what was expected, never a value. */
export function readArrived(arrived: Arrived): Read {
  const { address, body } = arrived;
  if (body.length > EVENT_BYTES) return { arrived, reason: `an event has at most ${EVENT_BYTES} octets` };
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return { arrived, reason: 'the message is not JSON in UTF-8' };
  }
  const read = readCloudEvent(value);
  if ('reason' in read) return { arrived, reason: read.reason };
  const reason = notFromThere(read.event, address);
  return reason === undefined ? { arrived, event: read.event } : { arrived, reason };
}

/**
 * The broker knows who may publish where, and nothing of what is in a message: a shop that wrote another's
 * `source` under its own address would write in that shop's name.
 */
function notFromThere({ source, type }: CloudEvent, address: string): string | undefined {
  const from = readEventKey(address);
  if (!from) return `'${address}' is no address of events`;
  if (source !== `urn:aisle:store:${from.store}:gateway:${from.gateway}`) {
    return `'source' is not that of its address`;
  }
  const name = /^aisle\.(.+)\.v\d+$/.exec(type)?.[1]?.replaceAll('.', '-');
  return name === from.name ? undefined : `'type' is not that of its address`;
}
