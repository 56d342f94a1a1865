import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OutboxCounts } from './ledger.ts';

/** What the gateway's dashboard tells, as far as it is read here. */
export interface GatewayStatus {
  people: {
    ref: string;
    zone: string;
    /** Metres; absent where it is not known. */
    x?: number;
    y?: number;
    /** ms since the epoch. */
    lastSeen: number;
  }[];
  /** Everybody else, rounded; null below ten. */
  everybody: number | null;
  outbox: OutboxCounts;
}

export interface GatewayView {
  /** Nothing while the gateway is away. */
  status(): Promise<GatewayStatus | undefined>;
  /** Events of one person that wait; nothing while the gateway is away. */
  waitingOf(subjectRef: string): Promise<number | undefined>;
}

const DEADLINE_MS = 3_000;

/** Asks the gateway's dashboard, by the token that each start of it writes to the data folder. */
export function gatewayView(port: number, data: string): GatewayView {
  async function ask<T>(path: string): Promise<T | undefined> {
    try {
      const token = readFileSync(join(data, 'dashboard.token'), 'utf8');
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      return answer.ok ? ((await answer.json()) as T) : undefined;
    } catch {
      return undefined;
    }
  }
  return {
    status: () => ask<GatewayStatus>('/api/status'),
    waitingOf: async (subjectRef) =>
      (await ask<{ waiting: number }>(`/api/waiting/${encodeURIComponent(subjectRef)}`))?.waiting,
  };
}
