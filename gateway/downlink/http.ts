import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { bearer, failure, type HttpUplinkSettings } from '../uplinks/http.ts';
import { RetryAfter, withDeadline } from '../uplinks/uplink.ts';
import type { AnswerReader, CentralReading, Reader } from './reader.ts';

/** The platform holds the request so long at most; after more the line is taken for dead, ms. */
const DEADLINE = 70_000;
const CONNECT_DEADLINE = 10_000;
/** Octets of one answer: the hundred parts of the longest list, each signed, and their frame. */
const MAX_ANSWER = 160 * 1024 * 1024;
/** An empty answer that came at once is not asked for again before, ms. */
const PACE = 500;
const LONGEST_BACK_OFF = 30_000;

export interface HttpDownlinkParts extends HttpUplinkSettings {
  /** Takes the answers apart. */
  reader: Reader;
  /** The last cursor that was taken: to begin with, and to go back to; nothing where there was none. */
  kept: () => unknown;
  /** Resolves once the message is on disk, or refused for good; the cursor comes with the last of an answer. */
  receive: (read: () => Promise<CentralReading>, cursor: unknown) => Promise<void>;
  /** Says why an answer was not taken. */
  refused: (reason: string) => void;
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
  const { reader } = parts;
  let cursor = parts.kept();
  let losses = reader.losses();

  /** Fills the reader's answer; the octets themselves are not looked at here. */
  async function ask(answer: AnswerReader): Promise<void> {
    const url = new URL(`${parts.url.replace(/\/$/, '')}/downlink`);
    // Contract: the cursor is always named; 0 is before everything.
    url.searchParams.set('after', String(cursor ?? 0));
    await withDeadline(signal, deadline, async (inner) => {
      const headers = bearer(parts.tokenFile);
      const {
        statusCode,
        headers: told,
        body,
      } = await request(url, { dispatcher: agent, headers, signal: inner });
      if (statusCode >= 300) {
        await body.dump();
        throw failure(statusCode, told);
      }
      for await (const piece of body) await answer.add(piece);
      const date = Date.parse(String(told.date));
      if (Number.isFinite(date)) parts.heardDate(date);
    });
  }

  /** Returns how many messages came. */
  async function poll(): Promise<number> {
    const answer = reader.answer();
    try {
      await ask(answer);
      const head = await answer.open();
      // The parts of a list that came before it are lost: they are asked for again, too.
      if (reader.losses() !== losses) throw new Error('the reading thread ended');
      for (let n = 0; n < head.count; n += 1) {
        // The cursor goes to disk with the last message: a crash before asks for all of them again.
        await parts.receive(() => answer.read(n), n === head.count - 1 ? head.cursor : undefined);
      }
      cursor = head.cursor ?? cursor;
      return head.count;
    } finally {
      answer.forget();
    }
  }

  function failed(error: Error & { code?: string }): void {
    if (error.code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
      parts.refused(`an answer of more than ${MAX_ANSWER / 1024 / 1024} MiB`);
    }
    if (reader.losses() === losses) return;
    losses = reader.losses();
    cursor = parts.kept();
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
        if (!signal.aborted) failed(error as Error);
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

function backOff(failures: number): number {
  return Math.random() * Math.min(LONGEST_BACK_OFF, PACE * 2 ** Math.min(failures, 10));
}
