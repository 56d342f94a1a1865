import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { bearer, failure, type HttpUplinkSettings } from '../uplinks/http.ts';
import { RetryAfter, withDeadline } from '../uplinks/uplink.ts';

/** The platform holds the request so long at most; after more the line is taken for dead, ms. */
const DEADLINE = 70_000;
const CONNECT_DEADLINE = 10_000;
/** Octets of one answer. */
const MAX_ANSWER = 16 * 1024 * 1024;
/** An empty answer that came at once is not asked for again before, ms. */
const PACE = 500;
const LONGEST_BACK_OFF = 30_000;

export interface HttpDownlinkParts extends HttpUplinkSettings {
  /** Where the last run left off; nothing where it is the first. */
  cursor: unknown;
  /** Resolves once the message is on disk, or refused for good; the cursor comes with the last of an answer. */
  receive: (jws: string, cursor: unknown) => Promise<void>;
  /** The platform's clock, ms since the epoch. */
  heardDate: (date: number) => void;
}

/** `GET <url>/downlink?after=<cursor>` → `{cursor, messages: [JWS]}`, asked again and again. */
export function httpDownlink(
  parts: HttpDownlinkParts,
  deadline: number = DEADLINE,
): { close(): Promise<void> } {
  const closing = new AbortController();
  const { signal } = closing;
  const agent = new Agent({
    maxResponseSize: MAX_ANSWER,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: CONNECT_DEADLINE,
      ...(parts.ca !== undefined && { ca: readFileSync(parts.ca) }),
    },
  });
  let cursor = parts.cursor;

  async function ask(): Promise<{ cursor?: unknown; messages?: unknown } | undefined> {
    const url = new URL(`${parts.url.replace(/\/$/, '')}/downlink`);
    // Contract: the cursor is always named; 0 is before everything.
    url.searchParams.set('after', String(cursor ?? 0));
    return withDeadline(signal, deadline, async (inner) => {
      const headers = bearer(parts.tokenFile);
      const answer = await request(url, { dispatcher: agent, headers, signal: inner });
      const text = await answer.body.text();
      if (answer.statusCode >= 300) throw failure(answer.statusCode, answer.headers);
      const date = Date.parse(String(answer.headers.date));
      if (Number.isFinite(date)) parts.heardDate(date);
      return text === '' ? undefined : JSON.parse(text);
    });
  }

  /** Returns how many messages came. */
  async function poll(): Promise<number> {
    const answer = await ask();
    const messages = Array.isArray(answer?.messages) ? answer.messages.filter(isText) : [];
    for (const [i, jws] of messages.entries()) {
      // The cursor goes to disk with the last message: a crash before asks for all of them again.
      await parts.receive(jws, i === messages.length - 1 ? answer?.cursor : undefined);
    }
    cursor = answer?.cursor ?? cursor;
    return messages.length;
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const startedAt = performance.now();
      let pause = 0;
      try {
        const got = await poll();
        failures = 0;
        pause = got > 0 ? 0 : PACE - (performance.now() - startedAt);
      } catch (error) {
        failures += 1;
        pause = error instanceof RetryAfter ? error.ms : backOff(failures);
      }
      if (pause > 0) await wait(pause, undefined, { signal }).catch(() => {});
    }
  }

  void run();
  return {
    async close() {
      closing.abort();
      // A message that waits for the disk is not waited for: it is asked for again after the next start.
      await agent.destroy();
    },
  };
}

function isText(message: unknown): message is string {
  return typeof message === 'string';
}

function backOff(failures: number): number {
  return Math.random() * Math.min(LONGEST_BACK_OFF, PACE * 2 ** Math.min(failures, 10));
}
