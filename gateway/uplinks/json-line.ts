import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { withDeadline } from './uplink.ts';

const CONNECT_DEADLINE = 10_000;
/** Octets of an answer, where nobody says otherwise: a word or two. */
const MAX_ANSWER = 64 * 1024;

export interface Answer {
  statusCode: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** Connections to one HTTP server that takes JSON: kept open, at most four, no redirect followed. */
export interface JsonLine {
  /** Answered for to the end of the body within the deadline, or throws. */
  post(path: string, headers: Record<string, string>, body: string, signal: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}

/** @throws where the file of the authority cannot be read. */
export function jsonLine(
  { url, ca }: { url: string; ca?: string | undefined },
  deadline: number,
  maxAnswer = MAX_ANSWER,
): JsonLine {
  const agent = new Agent({
    connections: 4,
    maxResponseSize: maxAnswer,
    connect: { timeout: CONNECT_DEADLINE, ...(ca !== undefined && { ca: readFileSync(ca) }) },
  });
  const base = url.replace(/\/$/, '');
  return {
    post: (path, headers, body, outer) =>
      withDeadline(outer, deadline, async (signal) => {
        const all = { 'content-type': 'application/json', ...headers };
        const answer = await request(`${base}${path}`, {
          method: 'POST',
          dispatcher: agent,
          headers: all,
          body,
          signal,
        });
        return {
          statusCode: answer.statusCode,
          headers: answer.headers,
          text: await answer.body.text(),
        };
      }),
    close: () => agent.destroy(),
  };
}
