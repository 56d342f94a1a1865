import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Message } from '../devices/device.ts';
import { openCredentials } from './access/credentials.ts';
import { type Ballast, openBallast } from './ballast.ts';
import type { Config } from './config.ts';
import { openShopDashboard } from './dashboard/shop.ts';
import { isDiskRefusing, makeFolder } from './database.ts';
import { startDownlink } from './downlink/downlink.ts';
import { type Forward, startForward } from './forward.ts';
import { healthEvent } from './gateway-health.ts';
import { hostAndPort } from './host-port.ts';
import { createBridgeDoor } from './inputs/bridge-door.ts';
import { type Broker, openBroker } from './inputs/mqtt-broker.ts';
import { NoRoom } from './intake.ts';
import { openOptOuts, optOutKey } from './opt-out.ts';
import { MIB } from './outbox/quota.ts';
import { messageName } from './pipeline/decode.ts';
import { type DeviceCommand, emptyOutcome, type Outcome } from './pipeline/outcome.ts';
import { openAhead } from './recognise/ahead.ts';
import { createRefusals } from './refusals.ts';
import { openRoad, type Road, type RoadParts } from './road.ts';
import { untilRoom } from './start-room.ts';
import { openShopTelemetry, type ShopTelemetry } from './telemetry/shop.ts';
import { watchGateway } from './telemetry/watch.ts';
import { receiverTelling } from './tell-receivers.ts';
import { systemTimers } from './timers.ts';
import { openUplink, uplinkName } from './uplinks/index.ts';

/*
 * The process in the shop:
 *
 *   devices ──MQTT──▶ broker ──signal──▶ pipeline ──outcome──▶ commit ══▶ outbox ──▶ forward ──▶ uplinks
 *                       ▲                   ▲                    │ disk
 *                       └───── PUBACK ──────┼────────────────────┘
 *                                           └── consents, commands ◀── downlink (signed)
 *
 * Beside it, and never waited for: what devices measure, from the pipeline to the time series.
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
  return untilRoom(config.data, log, async () => {
    try {
      return { ...(await start(config, log, wall, closers)), close };
    } catch (error) {
      await close();
      throw error;
    }
  });
}

async function start(
  config: Config,
  log: Logger,
  wall: () => number,
  closers: (() => unknown)[],
): Promise<Omit<Gateway, 'close'>> {
  const { store } = config;
  const forwards: Forward[] = [];
  const wakeAll = (last: number) => {
    for (const forward of forwards) forward.wake(last);
  };
  const ahead = openAhead((error) =>
    log.warn({ reason: error.message }, 'the thread for ids ended; they are worked out when needed'),
  );
  closers.push(() => ahead.close());
  const ballast = openShopBallast(config, log);
  closers.push(() => ballast.close());
  let telemetry: ShopTelemetry | undefined;
  const measured: RoadParts['measured'] = (points) => telemetry?.record(points);
  const road = openRoad(config, { log, wall, committed: wakeAll, measured, ahead, ballast }, closers);
  const { now, trust, outbox, room, commit, devices, pipeline, enter } = road;
  const counters = { messages: 0, dropped: {} as Counts, refused: {} as Counts, slowed: {} as Counts };
  // Its history lies in the folder, which is this process's alone now.
  telemetry = openShopTelemetry({
    config,
    log,
    now,
    isClockSure: trust.synchronised,
    own: () => ({ outbox: outbox.counts(), messages: counters.messages }),
  });
  closers.push(() => telemetry?.close());
  /** While the disk refuses, and at the end of the quota, there is no room for what is said about others either. */
  const isShut = () => commit.failing() || room.is('full');
  // Before the road is closed: what an uplink took is settled on it.
  closers.push(() => Promise.all(forwards.map((forward) => forward.close())));
  const credentials = openCredentials(config.data, road.storeKey.derive('device secrets'));
  closers.push(() => credentials.close());
  const byId = new Map(devices.map((device) => [device.id, device]));
  const door = createBridgeDoor(devices);
  const optOuts = openOptOuts(config.data, optOutKey(road.storeKey), (text) => log.warn(text));
  const refusals = createRefusals({
    log,
    now,
    storeId: store.id,
    isKnown: (device) => byId.has(device),
    // The log has it in any case.
    alert: (event) => isShut() || commit.add({ ...emptyOutcome(), events: [event] }, () => {}),
  });

  function tick(): void {
    room.measure();
    // Time stands still for the pipeline meanwhile: no signal enters.
    if (isShut()) return;
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
    housekeep();
  }

  const { tls } = config.inputs.mqtt;
  const watch = watchGateway({
    config,
    road,
    broker: () => broker,
    forwards,
    counters,
    sinks: telemetry.states,
    unmeasured: telemetry.dropped,
    certificate: tls && readFileSync(tls.cert),
  });

  // The first tick rolls the keys to the present, before anything can be heard.
  tick();
  // It counts from here on.
  telemetry.tick();
  const broker = await openShopBroker();
  closers.push(() => broker.close());

  function openShopBroker(): Promise<Broker> {
    const { listen } = config.inputs.mqtt;
    return openBroker({
      listen: hostAndPort(listen),
      ...(tls && { tls: { cert: readFileSync(tls.cert), key: readFileSync(tls.key) } }),
      verify: (device, secret) => byId.has(device) && credentials.verify(device, secret),
      isShared: (device) => byId.get(device)?.type.shared === true,
      bridge: (device) => byId.get(device)?.bridge?.topics,
      now,
      take: takeMessage,
      subscribed: (device) => pipeline.waitingFor(device, now()).forEach(sendCommand),
      refused(what, origin, why) {
        count(counters.refused, what);
        refusals.device(what, origin, why);
      },
      slowed(device) {
        count(counters.slowed, device);
        refusals.slowed(device);
      },
      seen: watch.broker,
    });
  }

  function takeMessage(said: Message, done: (refused?: Error) => void): void {
    counters.messages += 1;
    const message = door.withoutOptedOut(said);
    const away = door.turnsAway(message);
    if (away) {
      drop(away.dropped, message);
      return done();
    }
    enter(
      message,
      ({ dropped, commands }) => {
        drop(dropped, message);
        commands.forEach(sendCommand);
        done();
      },
      (refused) => {
        if (refused instanceof NoRoom) {
          count(counters.refused, 'no room');
          refusals.noRoom(refused.message);
        }
        done(refused);
      },
    );
  }

  /** A message that was acknowledged and said nothing, or it would come back for ever. */
  function drop(reason: string | undefined, { device, topic }: Message): void {
    if (reason === undefined) return;
    count(counters.dropped, reason);
    refusals.dropped(reason, device, messageName(byId.get(device), topic));
  }

  function sendCommand({ device, command, payload }: DeviceCommand): void {
    broker.publish(`devices/${device}/commands/${command}`, JSON.stringify(payload));
  }

  const tellReceivers = receiverTelling({
    config,
    devices,
    pipeline,
    optOuts,
    door,
    publish: (topic, payload, options) => broker.publish(topic, payload, options),
  });
  tellReceivers();

  /** What the outside has to know of an outcome that is on disk. */
  function told({ commands }: Outcome): void {
    tellReceivers();
    tellRecognition(now());
    tellKeysRefused();
    commands.forEach(sendCommand);
  }

  let keysRefused = '';
  function tellKeysRefused(): void {
    const recordIds = pipeline.keysRefused();
    if (recordIds.join() === keysRefused) return;
    keysRefused = recordIds.join();
    if (recordIds.length > 0)
      log.warn({ recordIds }, 'no room for keys of these records: they recognise nobody');
  }

  for (const uplink of config.uplinks) {
    const name = uplinkName(uplink);
    forwards.push(
      startForward({
        name,
        uplink: openUplink(uplink, store),
        outbox,
        now,
        random: Math.random,
        attempted: watch.attempted(name),
        changed: ({ connected, error }) =>
          connected
            ? log.info({ uplink: name }, 'the uplink takes events')
            : log.warn({ uplink: name, reason: error }, 'the uplink takes nothing; events wait'),
      }),
    );
  }

  const downlink = startDownlink({
    inForce: pipeline.recordIds,
    config,
    log,
    cursor: road.stored.get('cursor').get('downlink'),
    heardDate(date) {
      trust.heard(date);
      // It is back: nobody waits out what an outage has made of the back-off (P12).
      for (const forward of forwards) forward.heard();
    },
    refused: refusals.central,
    take: (message) =>
      new Promise((resolve, reject) => {
        enter(
          { ...message, at: now() },
          (outcome) => {
            // Between the slices of a long list nothing is settled yet.
            if (!('slice' in message) || message.slice.last) told(outcome);
            resolve(outcome.refused);
          },
          reject,
        );
      }),
  });
  closers.push(() => downlink.close());

  function housekeep(): void {
    if (room.is('full')) makeRoom(road);
    if (isShut()) return;
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
  function hearObjections(): void {
    if (optOuts.reload()) {
      log.info({ entries: optOuts.list()?.values.length ?? 0 }, 'the list of objections changed');
    }
    // Keys come by a list, a choice or a reader, and go with their day too.
    tellReceivers();
  }
  const timers = [
    setInterval(tick, TICK),
    setInterval(telemetry.tick, TICK),
    setInterval(hearObjections, TICK),
    setInterval(housekeep, HEALTH_EVERY),
  ];
  closers.push(() => timers.forEach(clearInterval));

  const dashboard =
    config.dashboard &&
    (await openShopDashboard({
      config,
      listen: hostAndPort(config.dashboard.listen),
      log,
      road,
      take: takeMessage,
      told,
      series: telemetry.sources,
      probes: { readiness: watch.readiness, metrics: watch.expose },
      view: () => ({
        at: now(),
        presences: pipeline.presences(),
        everybody: pipeline.everybody(now()),
        outbox: outbox.counts(),
        recognises: pipeline.recognises(now()),
        uplinks: Object.fromEntries(config.uplinks.map((one, i) => [uplinkName(one), forwards[i]?.state()])),
        waitingOf: outbox.waitingOf,
        signingKey: road.signingKey.jwk,
        disk: { failing: commit.failing(), ...commit.counts() },
        telemetry: telemetry.states(),
        devices: Object.fromEntries(pipeline.deviceStates()),
        ...counters,
      }),
    }));
  if (dashboard) closers.push(() => dashboard.close());

  log.info({ mqtt: broker.address, dashboard: dashboard?.address }, 'aisle runs');
  return { mqtt: broker.address, ...(dashboard && { dashboard: dashboard.address }) };
}

function openShopBallast({ data, retention }: Config, log: Logger): Ballast {
  makeFolder(data);
  return openBallast({
    folder: data,
    octets: retention.ballastMiB * MIB,
    timers: systemTimers,
    given: () => log.error('the disk is full: the ballast is given up, so that deliveries and consent go on'),
    cameBack: () => log.info('the disk has room again, and the ballast is back'),
  });
}

/** No batch takes out any more what has expired. */
function makeRoom({ outbox, now }: Road): void {
  try {
    outbox.expire(now());
  } catch (error) {
    if (!isDiskRefusing(error)) throw error;
  }
}

type Counts = Record<string, number>;

function count(counts: Counts, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
