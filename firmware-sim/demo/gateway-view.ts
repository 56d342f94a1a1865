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
  /** Its page with what happened over time, with the token that opens it. */
  page(): string;
}

const DEADLINE_MS = 3_000;

/** Asks the gateway's dashboard, by the token that each start of it writes to the data folder. */
export function gatewayView(port: number, data: string): GatewayView {
  const url = `http://127.0.0.1:${port}`;
  const token = () => readFileSync(join(data, 'dashboard.token'), 'utf8');

  async function ask<T>(path: string): Promise<T | undefined> {
    try {
      const answer = await fetch(`${url}${path}`, {
        headers: { authorization: `Bearer ${token()}` },
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      return answer.ok ? ((await answer.json()) as T) : undefined;
    } catch {
      return undefined;
    }
  }
  return {
    page: () => `${url}/#token=${token()}&range=10min`,
    status: () => ask<GatewayStatus>('/api/status'),
    waitingOf: async (subjectRef) =>
      (await ask<{ waiting: number }>(`/api/waiting/${encodeURIComponent(subjectRef)}`))?.waiting,
  };
}
