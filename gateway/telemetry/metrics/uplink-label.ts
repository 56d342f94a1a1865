import { uplinkName } from '../../uplinks/index.ts';

interface Destination {
  kind: 'http' | 'mqtt' | 'segment' | 'unomi';
  url: string;
}

/**
 * What uplinks are called where anybody may read it, by their name in the outbox: kind and host, without user,
 * path and query, which may hold a secret. The second to the same host is numbered.
 */
export function uplinkLabels(uplinks: readonly Destination[]): ReadonlyMap<string, string> {
  const times = new Map<string, number>();
  const labels = new Map<string, string>();
  for (const uplink of uplinks) {
    const label = `${uplink.kind} ${new URL(uplink.url).host}`;
    const n = (times.get(label) ?? 0) + 1;
    times.set(label, n);
    labels.set(uplinkName(uplink as Parameters<typeof uplinkName>[0]), n === 1 ? label : `${label} #${n}`);
  }
  return labels;
}
