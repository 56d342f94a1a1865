import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { bearer, failure, type HttpUplinkSettings } from '../uplinks/http.ts';
import { RetryAfter } from '../uplinks/uplink.ts';

/** The platform holds the request so long at most; after more the line is taken for dead, ms. */
const DEADLINE = 70_000;
/** An empty answer that came at once is not asked for again before, ms. */
const PACE = 500;
const LONGEST_BACK_OFF = 30_000;

/** `GET <url>/downlink?after=<cursor>` → `{cursor, messages: [JWS]}`, asked again and again. */
export function httpDownlink(
  settings: HttpUplinkSettings & {
    cursor: unknown;
    receive: (jws: string, cursor: unknown) => Promise<void>;
    heardDate: (date: number) => void;
  },
): { close(): Promise<void> } {
  const closing = new AbortController();
  const agent = new Agent({
    headersTimeout: DEADLINE,
    bodyTimeout: DEADLINE,
    connect: { timeout: 10_000, ...(settings.ca !== undefined && { ca: readFileSync(settings.ca) }) },
  });
  let cursor = settings.cursor ?? 0;

  async function poll(): Promise<number> {
    const url = new URL(`${settings.url.replace(/\/$/, '')}/downlink`);
    url.searchParams.set('after', String(cursor));
    const answer = await request(url, {
      dispatcher: agent,
      headers: bearer(settings.tokenFile),
      signal: closing.signal,
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw failure(answer.statusCode, answer.headers['retry-after']);
    const date = Date.parse(String(answer.headers.date));
    if (Number.isFinite(date)) settings.heardDate(date);
    if (text === '') return 0;
    const body = JSON.parse(text) as { cursor?: unknown; messages?: unknown };
    const messages = Array.isArray(body.messages)
      ? body.messages.filter((jws) => typeof jws === 'string')
      : [];
    for (const [i, jws] of messages.entries()) {
      // The cursor goes to disk with the last message: a crash before asks for all of them again.
      await settings.receive(jws, i === messages.length - 1 ? body.cursor : undefined);
    }
    cursor = body.cursor ?? cursor;
    return messages.length;
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!closing.signal.aborted) {
      const startedAt = performance.now();
      let pause = 0;
      try {
        const got = await poll();
        failures = 0;
        pause = got > 0 ? 0 : Math.max(0, PACE - (performance.now() - startedAt));
      } catch (error) {
        failures += 1;
        pause =
          error instanceof RetryAfter
            ? error.ms
            : Math.random() * Math.min(LONGEST_BACK_OFF, PACE * 2 ** Math.min(failures, 10));
      }
      if (pause > 0) await wait(pause, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  const ended = run();
  return {
    async close() {
      closing.abort();
      await ended;
      await agent.destroy();
    },
  };
}
