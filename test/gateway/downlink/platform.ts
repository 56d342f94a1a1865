import { join } from 'node:path';
import type { JWK } from 'jose';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import {
  createIssuerKey,
  type Issuer,
  readIssuerKey,
} from '../../../firmware-sim/profile-store/issuer-key.ts';
import { parseConfig } from '../../../gateway/config.ts';
import { startDownlink, type Taken } from '../../../gateway/downlink/downlink.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

export interface Platform {
  issuer: Issuer;
  issuerKeyFile: string;
  jwk: JWK;
}

export async function platform(): Promise<Platform> {
  const issuerKeyFile = join(temporaryFolder(), 'issuer.jwk');
  const jwk = await createIssuerKey(issuerKeyFile);
  return { jwk, issuerKeyFile, issuer: await readIssuerKey(issuerKeyFile) };
}

export const command = (id: string) => ({
  id,
  storeId: 's1',
  gateway: 'g1',
  action: 'setpoint',
  args: { device: 't1', setpointC: 19 },
  issuedAt: '2026-03-01T10:00:00Z',
  expiresAt: '2099-03-01T10:00:00Z',
});

export const list = (version: number, more: object = {}) => ({
  storeId: 's1',
  list: 'full',
  version,
  issuedAt: '2026-03-01T10:00:00Z',
  records: [],
  ...more,
});

/** `command <id>`, `list <version>`, or what a slice of a list carries. */
function nameOf(message: Taken): string {
  if (message.kind === 'command') return `command ${message.command.id}`;
  if (!('slice' in message)) return `list ${message.version}`;
  const { records, slice, version } = message;
  const isLast = slice.last ? ', the last' : '';
  return `slice of ${version}: ${slice.ended.length} left out, ${records.length} records${isLast}`;
}

/** The gateway's listening end, with the test in the place of the gateway. */
export interface Listener {
  /** What came, as `command <id>`, `list <version>` or `slice of <version>: …`. */
  came: string[];
  /** The cursor of the last message that brought one. */
  cursor(): unknown;
  dates: number[];
  logged(): string;
  /** From here on messages wait, as they do while the disk refuses; `false`: all that wait are taken. */
  hold(on: boolean): void;
  /** The next messages are turned away, as where too much waits. */
  turnAway(on: boolean): void;
  untilCame(count: number): Promise<void>;
  close(): Promise<void>;
}

export interface InPlaceOfTheGateway {
  inForce?: () => Iterable<string>;
  /** Why a message is refused by the pipeline. */
  judge?: (message: Taken) => string | undefined;
  /** MiB of the reading thread. */
  memory?: number;
}

export function listen(
  jwk: JWK,
  uplinks: object[],
  cursor?: unknown,
  { inForce = () => [], judge = () => undefined, ...more }: InPlaceOfTheGateway = {},
): Listener {
  const config = parseConfig(
    `store: {id: s1, gateway: g1, timezone: Europe/Paris}
mode: identify
map: {}
consents: {issuerKeys: [${JSON.stringify(jwk)}]}
uplinks: ${JSON.stringify(uplinks)}
`,
    'aisle.yaml',
  );
  const came: string[] = [];
  const dates: number[] = [];
  let last = cursor;
  let log = '';
  let isHeld = false;
  let isTurnedAway = false;
  let waiting: (() => void)[] = [];
  const downlink = startDownlink({
    config,
    log: pino(
      { base: null },
      {
        write(line: string) {
          log += line;
        },
      },
    ),
    cursor,
    heardDate: (date) => dates.push(date),
    refused: (reason) => {
      log += `${JSON.stringify({ reason, msg: 'refused from the central platform' })}\n`;
    },
    inForce,
    ...more,
    take: (message: Taken) =>
      new Promise((resolve, reject) => {
        if (isTurnedAway) return reject(new Error('too much waits'));
        came.push(nameOf(message));
        const refused = judge(message);
        const taken = () => {
          if (message.cursor !== undefined) last = message.cursor;
          resolve(refused);
        };
        if (isHeld) waiting.push(taken);
        else taken();
      }),
  });
  onTestFinished(() => downlink.close());
  return {
    came,
    cursor: () => last,
    dates,
    logged: () => log,
    hold(on) {
      isHeld = on;
      if (on) return;
      const ready = waiting;
      waiting = [];
      for (const taken of ready) taken();
    },
    turnAway(on) {
      isTurnedAway = on;
    },
    untilCame: (count) => until(() => came.length >= count, `${count} messages; came: ${came.join(', ')}`),
    close: () => downlink.close(),
  };
}
