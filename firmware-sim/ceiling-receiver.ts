import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { connect, type MqttClient } from 'mqtt';
import { type FrameBatcher, frameBatcher } from '../devices/frame-batch.ts';
import { type FrameSieve, frameSieve } from '../devices/frame-sieve.ts';
import { toHex } from '../devices/wire/hex.ts';
import { scanAt } from './hci-host.ts';

/**
 * Firmware of a receiver on the ceiling, a process of its own: scans at its Bluetooth chip, passes on the
 * frames that the gateway's retained list names, and counts everybody else. With `--counters` it prints
 * `{"sent","acked"}` (messages, QoS 1) each second and when it ends; SIGTERM and SIGINT end it.
 */
const USAGE = `ceiling-receiver --id <id> --controller <host:port> --url <mqtts://host:port>
    --secret-file <file> [--ca <file>] [--crowd-window <s>] [--counters]
`;

/** With the 150 ms that a frame waits for others, below 200 ms. */
const POLL_MS = 25;
const RECONNECT_MS = 1_000;
const GOODBYE_MS = 2_000;

interface Arguments {
  id: string;
  controller: { host: string; port: number };
  url: string;
  secret: string;
  ca: Buffer | undefined;
  crowdWindowS: number;
  counters: boolean;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      id: { type: 'string' },
      controller: { type: 'string' },
      url: { type: 'string' },
      'secret-file': { type: 'string' },
      ca: { type: 'string' },
      'crowd-window': { type: 'string', default: '60' },
      counters: { type: 'boolean', default: false },
    },
  });
  const { id, url, 'secret-file': secretFile, ca, counters } = values;
  if (!id || !url || !secretFile) throw new Error('--id, --url and --secret-file are needed');
  const [host, port] = values.controller?.split(':') ?? [];
  if (!host || !(Number(port) > 0)) throw new Error('--controller is <host>:<port>');
  const crowdWindowS = Number(values['crowd-window']);
  if (!(crowdWindowS >= 1 && crowdWindowS <= 60)) throw new Error('--crowd-window is 1 to 60 seconds');
  return {
    id,
    url,
    secret: readFileSync(secretFile, 'utf8').trim(),
    ca: ca === undefined ? undefined : readFileSync(ca),
    counters,
    crowdWindowS,
    controller: { host, port: Number(port) },
  };
}

function run(options: Arguments): void {
  const { id, controller, crowdWindowS, counters } = options;
  const sieve = frameSieve(randomBytes);
  const batcher = frameBatcher(toHex(randomBytes(4)));
  const say = (text: string) => process.stderr.write(`${id}: ${text}\n`);
  const uplink = keepConnected(options, sieve, batcher, say);
  const radio = scanAt({
    ...controller,
    onHeard(heard) {
      const frame = sieve.heard(heard, performance.now());
      if (frame) batcher.add(frame);
    },
    onScanning: () => say('scanning'),
    onProblem: say,
  });
  const windows = setInterval(() => {
    const count = sieve.closeWindow(performance.now());
    batcher.forget(performance.now());
    if (count) batcher.addCrowd(count);
  }, crowdWindowS * 1_000);
  const printCounters = () => {
    const { sent, acked } = batcher.counters();
    process.stdout.write(`${JSON.stringify({ sent, acked })}\n`);
  };
  const report = counters ? setInterval(printCounters, 1_000) : undefined;

  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    radio.close();
    clearInterval(windows);
    clearInterval(report);
    await uplink.close();
    if (counters) printCounters();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/**
 * The connection to the gateway. Each is a client of its own: what was not acknowledged on one is sent again
 * on the next, by the batcher and under the same `seq`.
 */
function keepConnected(
  { id, url, secret, ca }: Arguments,
  sieve: FrameSieve,
  batcher: FrameBatcher,
  say: (text: string) => void,
): { close(): Promise<void> } {
  const will = {
    topic: `devices/${id}/state`,
    payload: Buffer.from('offline'),
    qos: 1,
    retain: true,
  } as const;
  let latest: MqttClient | undefined;
  /** The latest, while it is connected. */
  let client: MqttClient | undefined;
  let closing = false;
  let retry: NodeJS.Timeout | undefined;

  const open = (): void => {
    const current = connect(url, {
      clientId: id,
      username: id,
      password: secret,
      ...(ca && { ca }),
      protocolVersion: 4,
      reconnectPeriod: 0,
      keepalive: 15,
      will,
    });
    latest = current;
    current.on('connect', () => {
      client = current;
      say('connected');
      current.subscribe(`devices/${id}/commands/frames`, { qos: 1 });
      current.publish(will.topic, 'online', { qos: 1, retain: true });
    });
    current.on('message', (_, payload) => {
      if (sieve.accept(payload, performance.now()) === undefined) say('the list of frames cannot be read');
    });
    current.on('error', (error) =>
      say(`gateway: ${error.message || ('code' in error ? error.code : error.name)}`),
    );
    current.on('close', () => {
      client = undefined;
      current.end(true);
      batcher.connectionLost();
      if (!closing) retry = setTimeout(open, RECONNECT_MS * (0.5 + Math.random()));
    });
  };
  const send = (): void => {
    const current = client;
    if (!current) return;
    const next = () => batcher.next(performance.now(), closing);
    for (let message = next(); message; message = next()) {
      const { seq, name, payload } = message;
      current.publish(`devices/${id}/${name}`, payload, { qos: 1 }, (error) => {
        if (!error) batcher.acknowledged(seq);
      });
    }
  };

  open();
  const sending = setInterval(send, POLL_MS);
  return {
    async close() {
      closing = true;
      clearTimeout(retry);
      const deadline = performance.now() + GOODBYE_MS;
      while (client && isOwing(batcher) && performance.now() < deadline) await sleep(POLL_MS);
      clearInterval(sending);
      await Promise.race([
        client?.publishAsync(will.topic, 'offline', { qos: 1, retain: true }).catch(() => {}),
        sleep(GOODBYE_MS),
      ]);
      await Promise.race([client?.endAsync(), sleep(GOODBYE_MS)]);
      latest?.stream.destroy();
    },
  };
}

function isOwing(batcher: FrameBatcher): boolean {
  const { sent, acked } = batcher.counters();
  return batcher.waiting() > 0 || sent > acked;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

try {
  run(readArguments());
} catch (error) {
  process.stderr.write(`ceiling-receiver: ${(error as Error).message}\n${USAGE}`);
  process.exitCode = 2;
}
