import type { StoreDoor } from './central-platform.ts';
import type { ReceivedEvent } from './ledger.ts';

const PAGE = 500;
const DEADLINE_MS = 10_000;

/** The profile store by its HTTP doors; it signs what is posted. */
export function httpDoor({ url, token }: { url: string; token: string }): StoreDoor {
  let after = 0;

  async function ask<T>(path: string, body?: object): Promise<T> {
    const answer = await fetch(url + path, {
      method: body ? 'POST' : 'GET',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    if (!answer.ok) throw new Error(`the profile store answered ${answer.status} to ${path}`);
    return (await answer.json()) as T;
  }

  return {
    post: (kind, payload) => ask('/downlink', { kind, payload }),
    async newEvents() {
      const all: ReceivedEvent[] = [];
      for (;;) {
        const page = await ask<{ events: ReceivedEvent[]; next: number }>(
          `/events?after=${after}&limit=${PAGE}`,
        );
        all.push(...page.events);
        after = page.next;
        if (page.events.length < PAGE) return all;
      }
    },
    close: async () => {},
  };
}
