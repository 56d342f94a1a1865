import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { openCredentials } from './access/credentials.ts';
import { clockTrust, createClock } from './clock.ts';
import { sourceOf } from './cloud-event.ts';
import { createCommit } from './commit.ts';
import type { Config } from './config.ts';
import { type Dashboard, openDashboard } from './dashboard/server.ts';
import { lockFolder, openDatabase, storedState } from './database.ts';
import { startDownlink } from './downlink/poll.ts';
import { type Forward, startForward } from './forward.ts';
import { acceptedFrames } from './frames.ts';
import { type Broker, openBroker } from './inputs/mqtt-broker.ts';
import { createOutbox, declareWiped, epochOf } from './outbox.ts';
import { shopDevices } from './pipeline/decode.ts';
import type { DeviceCommand, Outcome } from './pipeline/outcome.ts';
import { createPipeline } from './pipeline/pipeline.ts';
import type { Signal } from './pipeline/signal.ts';
import { openStoreKey } from './store-key.ts';
import { openUplink, uplinkName } from './uplinks/index.ts';

/*
 * The process in the shop:
 *
 *   devices ──MQTT──▶ broker ──signal──▶ pipeline ──outcome──▶ commit ══▶ outbox ──▶ forward ──▶ uplinks
 *                       ▲                   ▲                    │ disk
 *                       └──── PUBACK ───────┼────────────────────┘
 *                                           └── consents, commands ◀── downlink (signed)
 *
 * One signal after another; while the disk refuses none enters, and nothing is acknowledged.
 */

/** Signals that wait while the disk refuses; more are refused, which ends their connections. */
const MAX_PARKED = 20_000;
const TICK = 1_000;
const HEALTH_EVERY = 60_000;

export interface Gateway {
  /** Where the broker listens. */
  mqtt: { host: string; port: number };
  dashboard?: { host: string; port: number };
  close(): Promise<void>;
}

export interface GatewayParts {
  config: Config;
  log: Logger;
  /** For tests: the wall clock, ms since the epoch. */
  wall?: () => number;
}

export async function startGateway({ config, log, wall = Date.now }: GatewayParts): Promise<Gateway> {
  const { store } = config;
  const unlock = lockFolder(config.data);
  const key = openStoreKey(config.data);
  const db = openDatabase(config.data);
  const credentials = openCredentials(config.data, key.derive('device secrets'));
  const now = createClock(wall, () => performance.now());
  const trust = clockTrust(config.clock.source, now);
  const devices = shopDevices(config, readBindKey);
  const subjectKey = key.derive('subject tags');
  const outbox = createOutbox(db, {
    source: sourceOf(store),
    epoch: epochOf(db, () => randomBytes(4).toString('hex')),
    storeId: store.id,
    uplinks: config.uplinks.map(uplinkName),
    subjectTag: (ref) => createHmac('sha256', subjectKey).update(ref).digest(),
    personalHours: config.retention.personalHours,
  });
  declareWiped(db, outbox, now());
  const pipeline = createPipeline({ config, devices, stored: storedState(db), random: randomBytes });
  const forwards: Forward[] = [];
  const counters = {
    messages: 0,
    dropped: {} as Record<string, number>,
    refused: {} as Record<string, number>,
  };

  const commit = createCommit({
    db,
    outbox,
    now,
    committed: (last) => {
      for (const forward of forwards) forward.wake(last);
    },
    failed: (error) =>
      log.error({ reason: error.message }, 'the disk refuses; nothing is acknowledged until it takes'),
  });

  /** The one door into the pipeline. */
  let parked = 0;
  function enter(signal: Signal, done: (outcome: Outcome) => void, refuse: (error: Error) => void): void {
    if (commit.failing()) {
      if (parked >= MAX_PARKED) return refuse(new Error('the disk refuses and too much waits already'));
      parked += 1;
      return commit.whenHealthy(() => {
        parked -= 1;
        enter(signal, done, refuse);
      });
    }
    const outcome = pipeline.accept(signal);
    if (outcome.dropped !== undefined) count(counters.dropped, outcome.dropped);
    commit.add(outcome, () => {
      for (const command of outcome.commands) sendCommand(command);
      done(outcome);
    });
  }

  function sendCommand({ device, command, payload }: DeviceCommand): void {
    broker.publish(`devices/${device}/commands/${command}`, JSON.stringify(payload));
  }

  const refusals = refusalLog(log);
  const kinds = new Map(devices.map((device) => [device.id, device.type]));
  const broker: Broker = await openBroker({
    listen: hostAndPort(config.inputs.mqtt.listen),
    ...(config.inputs.mqtt.tls && { tls: readTls(config.inputs.mqtt.tls) }),
    verify: (device, secret) => kinds.has(device) && credentials.verify(device, secret),
    isShared: (device) => kinds.get(device)?.shared === true,
    now,
    take(message, done) {
      counters.messages += 1;
      enter(message, () => done(), done);
    },
    subscribed: (device) => {
      for (const command of pipeline.waitingFor(device, now())) sendCommand(command);
    },
    refused(what, origin) {
      count(counters.refused, what);
      refusals(what, origin);
    },
  }).catch((error: Error) => {
    unlock();
    throw error;
  });

  for (const uplink of config.uplinks) {
    forwards.push(
      startForward({
        name: uplinkName(uplink),
        uplink: openUplink(uplink, store),
        outbox,
        now,
        random: Math.random,
        changed: ({ connected, error }) =>
          connected
            ? log.info({ uplink: uplinkName(uplink) }, 'the uplink takes events')
            : log.warn(
                { uplink: uplinkName(uplink), reason: error },
                'the uplink takes nothing; events wait',
              ),
      }),
    );
  }

  let told = '';
  function tellReceivers(): void {
    const accept = JSON.stringify({ accept: acceptedFrames(config, pipeline.beaconUuids()) });
    if (accept === told) return;
    told = accept;
    for (const device of devices) {
      if (device.kind === 'receiver') {
        broker.publish(`devices/${device.id}/commands/frames`, accept, { retain: true });
      }
    }
  }
  tellReceivers();

  const downlinks = startDownlink({
    config,
    log,
    cursor: storedState(db).get('cursor').get('downlink'),
    heardDate: trust.heard,
    take: (message) =>
      new Promise((resolve, reject) => {
        const signal = { ...message, at: now() } as Signal;
        enter(
          signal,
          (outcome) => {
            tellReceivers();
            resolve(outcome.refused);
          },
          reject,
        );
      }),
  });

  let recognising: boolean | undefined;
  let healthAt = 0;
  function tick(): void {
    const at = now();
    enter(
      { kind: 'tick', at, synchronised: trust.synchronised() },
      () => {},
      () => {},
    );
    const { ok, reason } = pipeline.recognises(at);
    if (ok !== recognising) {
      recognising = ok;
      if (ok) log.info('shoppers who agreed are recognised');
      else log.warn({ reason }, 'nobody is recognised');
    }
    if (commit.failing() || at - healthAt < HEALTH_EVERY) return;
    healthAt = at;
    outbox.expire(at);
    tellHealth(at);
  }

  function tellHealth(at: number): void {
    const { waiting, oldestAt } = outbox.counts();
    const list = pipeline.list();
    const data = {
      storeId: store.id,
      mode: pipeline.recognises(at).ok ? 'identify' : config.mode === 'off' ? 'off' : 'anonymous',
      ...(list && { consentListVersion: list.version }),
      ...(list?.issuedAt && { consentListAgeS: Math.round((at - list.issuedAt) / 1000) }),
      queueDepth: waiting,
      oldestS: oldestAt === null ? 0 : Math.round((at - oldestAt) / 1000),
      clock: trust.synchronised() ? 'synchronised' : 'unsynchronised',
    };
    const event = { name: 'gateway.health', class: 'C' as const, time: at, data };
    commit.add({ events: [event], changes: [], purge: [], commands: [] }, () => {});
  }
  tick();
  const ticking = setInterval(tick, TICK);

  const dashboard: Dashboard | undefined = config.dashboard
    ? await openDashboard({ listen: hostAndPort(config.dashboard.listen), data: config.data, view })
    : undefined;

  function view() {
    const at = now();
    return {
      at,
      presences: pipeline.presences(),
      everybody: pipeline.everybody(at),
      outbox: outbox.counts(),
      recognises: pipeline.recognises(at),
      uplinks: Object.fromEntries(
        config.uplinks.map((uplink, i) => [uplinkName(uplink), forwards[i]?.state()]),
      ),
      messages: counters.messages,
      dropped: counters.dropped,
      refused: counters.refused,
      waitingOf: outbox.waitingOf,
    };
  }

  log.info({ mqtt: broker.address, dashboard: dashboard?.address }, 'aisle runs');
  return {
    mqtt: broker.address,
    ...(dashboard && { dashboard: dashboard.address }),
    async close() {
      clearInterval(ticking);
      await downlinks.close();
      await broker.close();
      await dashboard?.close();
      try {
        commit.close();
      } catch (error) {
        log.error(
          { reason: (error as Error).message },
          'the last batch is not on disk; its senders were told nothing',
        );
      }
      await Promise.all(forwards.map((forward) => forward.close()));
      credentials.close();
      db.close();
      unlock();
    },
  };
}

export function hostAndPort(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(':');
  return { host: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(listen.slice(colon + 1)) };
}

/** @throws where the file is not 32 hex digits. */
export function readBindKey(file: string): Uint8Array {
  const text = readFileSync(file, 'utf8').trim();
  if (!/^[0-9a-fA-F]{32}$/.test(text)) throw new Error(`${file}: must be a bind key of 32 hex digits`);
  return Buffer.from(text, 'hex');
}

function readTls({ cert, key }: { cert: string; key: string }) {
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

/** One line a minute for each kind and origin, with a count: a flood of refusals must not fill the log. */
function refusalLog(log: Logger): (what: string, origin: string) => void {
  const lines = new Map<string, { at: number; count: number }>();
  return (what, origin) => {
    const key = `${what} ${origin}`;
    const line = lines.get(key) ?? { at: 0, count: 0 };
    line.count += 1;
    const at = performance.now();
    if (line.at === 0 || at - line.at > 60_000) {
      log.warn({ what, origin: origin.slice(0, 64), count: line.count }, 'refused');
      line.count = 0;
      line.at = at;
    }
    if (lines.size > 1_000) lines.clear();
    lines.set(key, line);
  };
}
