import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { isLocked } from '../database.ts';

/** How long the running gateway may take: a list of 100,000 records is in force within seconds, ms. */
const PATIENCE = 120_000;

/** A gateway that runs on the configuration's data, as commands talk to it. */
export interface RunningGateway {
  /**
   * Posts to its dashboard and gives back the answer's JSON.
   * @throws with the gateway's own reason where it refuses.
   */
  post(path: string, body: string, contentType: string): Promise<Record<string, unknown>>;
}

/**
 * The gateway that runs on this data; nothing where none does.
 * @throws with a sentence where one runs that commands cannot talk to.
 */
export function runningGateway(config: Config): RunningGateway | undefined {
  if (!isLocked(config.data)) return undefined;
  if (!config.dashboard) {
    throw new Error(
      `a gateway runs on ${config.data} and has no dashboard to be told by: add  dashboard: {}  to the configuration and start it again, or stop it first`,
    );
  }
  const base = baseUrl(config.dashboard.listen);
  const token = readToken(config.data);
  return {
    async post(path, body, contentType) {
      const headers = { authorization: `Bearer ${token}`, 'content-type': contentType };
      const answer = await ask(`${base}${path}`, { method: 'POST', headers, body });
      const text = await answer.text();
      if (answer.ok) return JSON.parse(text) as Record<string, unknown>;
      throw new Error(reasonOf(answer.status, text, base));
    },
  };
}

async function ask(url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...request, signal: AbortSignal.timeout(PATIENCE) });
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error };
    throw new Error(
      `a gateway runs, and its dashboard at ${new URL(url).host} does not answer (${cause?.message ?? message}): see that dashboard.listen is the one it was started with`,
    );
  }
}

function reasonOf(status: number, text: string, base: string): string {
  if (status === 404) return `the gateway at ${base} does not know this command: it is of another version`;
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === 'string') return error;
  } catch {
    // Not the gateway's own words: the status has to do.
  }
  return `the gateway at ${base} answered ${status}`;
}

function readToken(data: string): string {
  const file = join(data, 'dashboard.token');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Error(
      `${file} cannot be read (${(error as NodeJS.ErrnoException).code}): run this as the gateway's user`,
    );
  }
}

/** Where to reach what listens there: a wildcard address is this machine too. */
function baseUrl(listen: string): string {
  return `http://${listen.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:')}`;
}
