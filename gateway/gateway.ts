import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Message } from '../devices/device.ts';
import { openCredentials } from './access/credentials.ts';
import { readBindKey } from './bind-key.ts';
import { clockTrust, createClock } from './clock.ts';
import { sourceOf } from './cloud-event.ts';
import { createCommit } from './commit.ts';
import type { Config } from './config.ts';
import { openDashboard } from './dashboard/server.ts';
import { lockFolder, openDatabase, storedState } from './database.ts';
import { startDownlink } from './downlink/downlink.ts';
import { type Forward, startForward } from './forward.ts';
import { healthEvent } from './gateway-health.ts';
import { appRoutes } from './inputs/app-http.ts';
import { type Broker, openBroker } from './inputs/mqtt-broker.ts';
import { createIntake } from './intake.ts';
import { createOutbox, declareWiped, epochOf } from './outbox.ts';
import { shopDevices } from './pipeline/decode.ts';
import { type DeviceCommand, emptyOutcome } from './pipeline/outcome.ts';
import { createPipeline } from './pipeline/pipeline.ts';
import { acceptedFrames } from './receiver-frames.ts';
import { createRefusals } from './refusals.ts';
import { openStoreKey } from './store-key.ts';
import { openUplink, uplinkName } from './uplinks/index.ts';

/*
 * The process in the shop:
 *
 *   devices ──MQTT──▶ broker ──signal──▶ pipeline ──outcome──▶ commit ══▶ outbox ──▶ forward ──▶ uplinks
 *                       ▲                   ▲                    │ disk
 *                       └───── PUBACK ──────┼────────────────────┘
 *                                           └── consents, commands ◀── downlink (signed)
 *
 * One signal after another through one door (`intake`); nothing is acknowledged before it is on disk.
 */

const TICK = 1_000;
const HEALTH_EVERY = 60_000;

export interface Gateway {
  /** Where the broker listens. */
  mqtt: { host: string; port: number };
  dashboard?: { host: string; port: number };
  close(): Promise<void>;
}

/**
 * Starts the gateway; it runs until `close`.
 * @throws with a sentence where the folder is held by another, a port is taken, a file is missing.
 */
export async function startGateway(parts: {
  config: Config;
  log: Logger;
  wall?: () => number;
}): Promise<Gateway> {
  const { config, log, wall = Date.now } = parts;
  // Taken in order, given back in the opposite one, also where the start fails half-way.
  const closers: (() => unknown)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return { ...(await start(config, log, wall, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(
  config: Config,
  log: Logger,
  wall: () => number,
  closers: (() => unknown)[],
): Promise<Omit<Gateway, 'close'>> {
  const { store } = config;
  closers.push(lockFolder(config.data));
  const key = openStoreKey(config.data);
  const db = openDatabase(config.data);
  closers.push(() => db.close());
  const credentials = openCredentials(config.data, key.derive('device secrets'));
  closers.push(() => credentials.close());
  const now = createClock(wall, () => performance.now());
  const trust = clockTrust(config.clock.source, now);

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
  const forwards: Forward[] = [];
  closers.push(() => Promise.all(forwards.map((forward) => forward.close())));
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
  closers.push(() => {
    try {
      commit.close();
    } catch (error) {
      log.error(
        { reason: (error as Error).message },
        'the last batch is not on disk; its senders were told nothing',
      );
    }
  });

  const devices = shopDevices(config, readBindKey);
  const stored = storedState(db);
  const cursor = stored.get('cursor').get('downlink');
  const pipeline = createPipeline({ config, devices, stored, random: randomBytes });
  const enter = createIntake(pipeline, commit);
  const kinds = new Map(devices.map((device) => [device.id, device.type]));
  const refusals = createRefusals({
    log,
    now,
    storeId: store.id,
    isKnown: (device) => kinds.has(device),
    // While the disk refuses there is no room for what is said about others; the log has it.
    alert: (event) => commit.failing() || commit.add({ ...emptyOutcome(), events: [event] }, () => {}),
  });
  const counters = { messages: 0, dropped: {} as Counts, refused: {} as Counts };

  function tick(): void {
    // While the disk refuses time stands still for the pipeline: no signal enters.
    if (commit.failing()) return;
    enter(
      { kind: 'tick', at: now(), synchronised: trust.synchronised() },
      () => {},
      () => {},
    );
    tellRecognition(now());
  }

  let recognition: string | undefined;
  function tellRecognition(at: number): void {
    const { ok, reason = '' } = pipeline.recognises(at);
    if (recognition === reason) return;
    recognition = reason;
    if (ok) log.info('shoppers who agreed are recognised');
    else log.warn({ reason }, 'nobody is recognised');
  }

  // The first tick rolls the keys to the present, before anything can be heard.
  tick();
  const broker = await openShopBroker();
  closers.push(() => broker.close());

  function openShopBroker(): Promise<Broker> {
    const { listen, tls } = config.inputs.mqtt;
    return openBroker({
      listen: hostAndPort(listen),
      ...(tls && { tls: { cert: readFileSync(tls.cert), key: readFileSync(tls.key) } }),
      verify: (device, secret) => kinds.has(device) && credentials.verify(device, secret),
      isShared: (device) => kinds.get(device)?.shared === true,
      now,
      take: takeMessage,
      subscribed: (device) => pipeline.waitingFor(device, now()).forEach(sendCommand),
      refused(what, origin, why) {
        count(counters.refused, what);
        refusals.device(what, origin, why);
      },
    });
  }

  function takeMessage(message: Message, done: (refused?: Error) => void): void {
    counters.messages += 1;
    enter(
      message,
      ({ dropped, commands }) => {
        if (dropped !== undefined) {
          count(counters.dropped, dropped);
          refusals.dropped(dropped, message.device, nameOf(message));
        }
        commands.forEach(sendCommand);
        done();
      },
      done,
    );
  }

  function sendCommand({ device, command, payload }: DeviceCommand): void {
    broker.publish(`devices/${device}/commands/${command}`, JSON.stringify(payload));
  }

  let toldReceivers = '';
  function tellReceivers(): void {
    const accept = JSON.stringify({ accept: acceptedFrames(config, pipeline.beaconUuids()) });
    if (accept === toldReceivers) return;
    toldReceivers = accept;
    for (const { id, kind } of devices) {
      if (kind === 'receiver') broker.publish(`devices/${id}/commands/frames`, accept, { retain: true });
    }
  }
  tellReceivers();

  for (const uplink of config.uplinks) {
    const name = uplinkName(uplink);
    forwards.push(
      startForward({
        name,
        uplink: openUplink(uplink, store),
        outbox,
        now,
        random: Math.random,
        changed: ({ connected, error }) =>
          connected
            ? log.info({ uplink: name }, 'the uplink takes events')
            : log.warn({ uplink: name, reason: error }, 'the uplink takes nothing; events wait'),
      }),
    );
  }

  const downlink = startDownlink({
    config,
    log,
    cursor,
    heardDate: trust.heard,
    refused: refusals.central,
    take: (message) =>
      new Promise((resolve, reject) => {
        enter(
          { ...message, at: now() },
          ({ refused, commands }) => {
            tellReceivers();
            tellRecognition(now());
            commands.forEach(sendCommand);
            resolve(refused);
          },
          reject,
        );
      }),
  });
  closers.push(() => downlink.close());

  function housekeep(): void {
    if (commit.failing()) return;
    const at = now();
    const event = healthEvent({
      storeId: store.id,
      mode: config.mode,
      pipeline,
      counts: outbox.counts(),
      synchronised: trust.synchronised(),
      at,
    });
    commit.add({ ...emptyOutcome(), events: [event] }, () => {});
  }
  housekeep();
  const timers = [setInterval(tick, TICK), setInterval(housekeep, HEALTH_EVERY)];
  closers.push(() => timers.forEach(clearInterval));

  const app = devices.find(({ kind }) => kind === 'shopper-app');
  const dashboard =
    config.dashboard &&
    (await openDashboard({
      listen: hostAndPort(config.dashboard.listen),
      data: config.data,
      ...(app && { open: (server) => appRoutes(server, { device: app.id, now, take: takeMessage }) }),
      view: () => {
        const at = now();
        return {
          at,
          presences: pipeline.presences(),
          everybody: pipeline.everybody(at),
          outbox: outbox.counts(),
          recognises: pipeline.recognises(at),
          uplinks: Object.fromEntries(
            config.uplinks.map((one, i) => [uplinkName(one), forwards[i]?.state()]),
          ),
          waitingOf: outbox.waitingOf,
          ...counters,
        };
      },
    }));
  if (dashboard) closers.push(() => dashboard.close());

  log.info({ mqtt: broker.address, dashboard: dashboard?.address }, 'aisle runs');
  return { mqtt: broker.address, ...(dashboard && { dashboard: dashboard.address }) };
}

export function hostAndPort(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(':');
  return { host: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(listen.slice(colon + 1)) };
}

/** The device's own word for the message, as far as its kind has one: anything else is the sender's text. */
function nameOf({ topic }: Message): string {
  return topic.split('/').slice(2).join('/').slice(0, 64);
}

type Counts = Record<string, number>;

function count(counts: Counts, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
