import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type ClientRequest, Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { InfluxDB, type IPoolOptions, type ISchemaOptions } from 'influx';
import { InfluxFailure } from './failure.ts';
import { type InfluxServer, readNamed, readPassword } from './server.ts';

/** The library, spoken to by one socket: one request at a time. */
export interface Connection {
  /**
   * One request of the library's, answered for to the end of the body within the deadline. A caller that gets
   * a failure makes a new connection: what was asked may be under way still.
   * @throws InfluxFailure
   */
  request<T>(work: (influx: InfluxDB) => Promise<T>, expected?: number): Promise<T>;
  close(): void;
}

export interface ConnectionOptions {
  deadlineMs: number;
  schema?: ISchemaOptions[];
}

interface Answer {
  status: number;
  said: string;
  isInfluxdb: boolean;
}

/**
 * Password and authority are read here: a rotated one is used by the next connection.
 * @throws where a file cannot be read.
 */
export function connect(server: InfluxServer, { deadlineMs, schema = [] }: ConnectionOptions): Connection {
  const { hostname, port, protocol } = new URL(server.url);
  const isTls = protocol === 'https:';
  const socket = { keepAlive: true, maxSockets: 1 };
  const agent = isTls ? new HttpsAgent({ ...socket, ...authority(server) }) : new HttpAgent(socket);
  const influx = new InfluxDB({
    host: hostname,
    port: Number(port) || (isTls ? 443 : 80),
    protocol: isTls ? 'https' : 'http',
    database: server.database,
    ...credentials(server),
    options: { agent },
    pool: pool(deadlineMs),
    schema,
  });
  let heard: Answer | undefined;
  const answer = () => heard;
  let giveUp: ((why: Error) => void) | undefined;

  // The library loses what a 5xx says, and what a 2xx is.
  const hear = (message: unknown) => {
    const { request, response } = message as {
      request: ClientRequest & { agent: unknown };
      response: IncomingMessage;
    };
    if (request.agent === agent) heard = readAnswer(response);
  };
  subscribe(ANSWERED, hear);

  return {
    async request(work, expected) {
      heard = undefined;
      // The library's promise stays open for ever where a server ends in the middle of its answer.
      const tooLate = new Promise<never>((_, reject) => {
        giveUp = reject;
      });
      const timer = setTimeout(() => giveUp?.(new Error(`no answer in ${deadlineMs / 1000} s`)), deadlineMs);
      try {
        const value = await Promise.race([work(influx), tooLate]);
        if (expected !== undefined && answer()?.status !== expected) {
          throw new Error(`HTTP ${answer()?.status}, as InfluxDB does not answer`);
        }
        return value;
      } catch (error) {
        throw failureOf(error as NodeJS.ErrnoException, answer());
      } finally {
        clearTimeout(timer);
        giveUp = undefined;
      }
    },
    close() {
      unsubscribe(ANSWERED, hear);
      giveUp?.(new Error('closed'));
      agent.destroy();
    },
  };
}

/** Node tells of each HTTP answer there, when its head has come. */
const ANSWERED = 'http.client.response.finish';

/**
 * Its own rests and retries are off: a server that was away would stay so for ten seconds, whoever asks. Its
 * time-out is of silence alone; ours comes first.
 */
function pool(deadlineMs: number): IPoolOptions {
  const never = { getDelay: () => 0, next: () => never, reset: () => never };
  return { maxRetries: 0, requestTimeout: 2 * deadlineMs, backoff: never };
}

function authority({ ca }: InfluxServer): { ca?: Buffer } {
  return ca === undefined ? {} : { ca: readNamed(ca) };
}

/** Without a user nothing is sent: the library would say `root`, `root`, unless it is told `null`. */
function credentials({ userName, passwordFile }: InfluxServer): { username: string; password: string } {
  if (userName === undefined) return { username: null as unknown as string, password: '' };
  const password = passwordFile === undefined ? '' : readPassword(passwordFile);
  return { username: userName, password };
}

function readAnswer({ statusCode = 0, headers }: IncomingMessage): Answer {
  const said = String(headers['x-influxdb-error'] ?? '');
  return { status: statusCode, said, isInfluxdb: headers['x-influxdb-version'] !== undefined };
}

function failureOf(error: NodeJS.ErrnoException, answer: Answer | undefined): InfluxFailure {
  // Of several addresses that were tried the message is empty, the code is not.
  const why = error.message || error.code || 'failed';
  if (!answer) return new InfluxFailure(why);
  return new InfluxFailure(answer.said || why, answer.isInfluxdb ? answer.status : undefined);
}
