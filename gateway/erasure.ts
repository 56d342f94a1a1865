import { randomUUID } from 'node:crypto';
import type { AuditHead } from './audit.ts';
import type { Erasure, StoreEvent } from './pipeline/outcome.ts';
import type { SigningKey } from './signing-key.ts';

/**
 * `subject.erased`: that somebody's data is gone, and how much, without saying whose. The certificate is
 * a compact JWS of the same, signed with the gateway's own key, `typ` `aisle-erasure`.
 */
export function erasureEvent(
  { recordIds, keys, caches }: Erasure,
  parts: {
    storeId: string;
    gateway: string;
    /** Waiting events that went. */
    queued: number;
    key: SigningKey;
    /** The head of the audit's chain: whoever cuts the chain later is found out. */
    audit: AuditHead;
    at: number;
  },
): { event: StoreEvent; certificate: string } {
  const { storeId, gateway, queued, key, audit, at } = parts;
  const certificateId = randomUUID();
  const erased = {
    recordIds,
    erasedAt: new Date(at).toISOString(),
    counts: { keys, caches, queued },
    certificateId,
  };
  const head = { n: audit.n, hash: audit.hash.toString('hex') };
  const certificate = key.sign('aisle-erasure', { storeId, gateway, ...erased, audit: head });
  const data = { storeId, ...erased, certificate };
  return { event: { name: 'subject.erased', class: 'A', time: at, data }, certificate };
}
