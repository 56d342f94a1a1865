import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts, lowPorts } from '../ports.ts';
import { boxRadio, receivers as plannedReceivers } from '../shop-floor/floor-plan.ts';
import { seededRandom } from '../shop-floor/seeded-random.ts';
import { boxBluez, fittedThermostats, type RadioDriver } from './box-radio.ts';
import { type CentralPlatform, centralPlatform } from './central-platform.ts';
import { enrolment } from './enrolment.ts';
import { type FloorProcess, openFloorProcess } from './floor-process.ts';
import { type Folder, makeFolder, makeRoot } from './folder.ts';
import { type GatewayStatus, type GatewayView, gatewayView } from './gateway-view.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { type Line, openLine } from './line.ts';
import { program } from './programs.ts';
import { openReceivers, type Receivers } from './receivers.ts';
import { every, serially } from './repeat.ts';
import { connectingDevices } from './shop-config.ts';
import { startStore } from './store.ts';
import { type Running, type Supervisor, supervisor } from './supervise.ts';
import { openTimeSeries, type TimeSeries } from './time-series.ts';
import { within } from './waiting.ts';
import { type Happening, inWords } from './words.ts';

/*
 * The demo's shop: every process of it, and what is known of them.
 *
 *   shop floor ──MQTT/TLS──▶ gateway ──▶ line ──▶ profile store ──▶ ledger     (HTTP, or `central`: MQTT)
 *       │ HCI                  ▲ ▲
 *       ├──▶ 4 ceiling receivers │
 *       ├──▶ aisle radio ────────┘           (with `--radio bluez` it hears by the mock BlueZ alone)
 *       │        ▲ D-Bus
 *       └──▶ mock BlueZ, with a GATT thermostat                  (with `--influx`, gateway ──▶ InfluxDB)
 */

export interface ShopOptions {
  shoppers: number;
  /** 0 to 1 */
  consenting: number;
  speed: number;
  seed: number;
  /** What the box hears by; noble unless told otherwise. */
  radio?: RadioDriver;
  /** The profile store is the one for many shops: RabbitMQ and PostgreSQL. */
  central?: boolean;
  /** InfluxDB keeps the time series beside the gateway's own history. */
  influx?: boolean;
}

export interface Shop {
  folder: Folder;
  supervisor: Supervisor;
  central: CentralPlatform;
  view: GatewayView;
  /** The gateway's kiosk page. */
  kiosk: string;
  ledger: Ledger;
  line: Line;
  influx: TimeSeries | undefined;
  floor: FloorProcess;
  receivers: Receivers;
  gateway: Running;
  /** As it was last asked; nothing while the gateway is away. */
  status(): GatewayStatus | undefined;
  /** Reads what the profile store received since. */
  readEvents(): Promise<void>;
  /** What went wrong beside the figures. */
  problems: string[];
  /** Stops asking and sending; the processes go on. */
  quiet(): Promise<void>;
}

export interface ShopListener {
  happened(happening: Happening): void;
  /** A sentence for the terminal. */
  said(text: string): void;
  /** So many devices have their secret. */
  enrolled(count: number, of: number): void;
}

const RESTART_MS = 1_500;
const STATUS_MS = 400;
const EVENTS_MS = 250;
const COMMAND_EVERY_MS = 15_000;
const START_MS = 60_000;
/** Three nodes and a database on two busy cores. */
const CENTRAL_START_MS = 240_000;
/** They leave in order, one after another. */
const CENTRAL_STOP_MS = 30_000;

/**
 * Starts everything. Resolves when the gateway runs; devices connect as they are enrolled. Throws where
 * something does not start, and where the visitor ends it before; then nothing is left running.
 */
export async function openShop(
  options: ShopOptions,
  listener: ShopListener,
  ended: AbortSignal,
): Promise<Shop> {
  const premises = await openPremises(options, listener);
  const { floor, receivers, central, view, folder, problems } = premises;
  const watch = watchShop(premises, options, listener);
  const devices = enrolment({
    ...{ config: folder.config, enrolled: listener.enrolled, ended },
    devices: connectingDevices(premises.hasBluez),
    give: (device, secret) => receivers.enrol(device, secret) || floor.giveSecret(device, secret),
  });
  try {
    await premises.influx?.setUp(folder.config);
    await devices.begin();
    stopIfEnded(ended);
    if (options.central) await premises.waitForStore(CENTRAL_START_MS, ended);
    const gateway = startGateway(premises, listener, watch.hasRun);
    const enrolled = devices.goOn().catch((error: Error) => {
      problems.push(error.message);
      listener.said(error.message);
    });
    await premises.waitForStore(START_MS, ended);
    await central.giveConsents();
    const isDecided = () => watch.hasRun() || problems.length > 0 || ended.aborted;
    await within(START_MS, () => isDecided() || undefined);
    stopIfEnded(ended);
    if (!watch.hasRun()) {
      throw new Error(`the gateway does not run: ${lastWords(join(folder.logs, 'gateway.log'))}`);
    }
    return {
      ...{ ...premises, ...watch, gateway, view },
      async quiet() {
        await enrolled;
        await watch.stop();
      },
    };
  } catch (error) {
    await watch.stop();
    await central.close();
    await premises.supervisor.stopAll();
    await premises.line.close();
    await premises.influx?.close();
    if (ended.aborted) rmSync(folder.root, { recursive: true, force: true });
    throw error;
  }
}

function stopIfEnded(ended: AbortSignal): void {
  if (ended.aborted) throw new Error('stopped before the shop was open');
}

/** All but the gateway: folder, line, profile store, shop floor, and receivers to be started. */
async function openPremises(options: ShopOptions, listener: ShopListener) {
  const [mqttPort = 0, dashboardPort = 0, ...radioPorts] = await freePorts(2 + plannedReceivers.length);
  // A low one: the profile store for many shops takes its port only when all of it runs.
  const [storePort = 0] = await lowPorts(1);
  const controllers = Object.fromEntries(plannedReceivers.map(({ id }, i) => [id, radioPorts[i] ?? 0]));
  const line = await openLine(storePort);
  const bluez = boxBluez(options.radio);
  const root = makeRoot();
  const influx = options.influx ? await openTimeSeries(root) : undefined;
  const folder = await makeFolder(root, {
    influx: influx?.settings,
    ...{ mqttPort, dashboardPort, bluez, radioPort: controllers[boxRadio.id] ?? 0 },
    lineUrl: `${options.central ? 'mqtt' : 'http'}://127.0.0.1:${line.port}`,
  });
  const children = options.central ? supervisor(CENTRAL_STOP_MS) : supervisor();
  const ledger = createLedger();
  const problems: string[] = [];
  const onExit = (name: string, how: string) => {
    problems.push(`${name} ended by itself (${how})`);
    listener.said(`${name} ended by itself (${how}); its log is in ${folder.root}`);
  };
  const { listens: storeListens, door } = await startStore({
    ...options,
    children,
    folder,
    storePort,
    onExit,
  });
  const mqttUrl = `mqtts://127.0.0.1:${mqttPort}`;
  const { bindKeys, ca } = folder;
  const bus = `unix:path=${join(folder.root, 'bus')}`;
  const opening = {
    ...{ kind: 'open' as const, ...options, gateway: { url: mqttUrl, ca }, controllers, bindKeys },
    ...(bluez && { bluez: { bus, ...bluez } }),
  };
  const shared = { folder, supervisor: children, onExit };
  return {
    ...{
      folder,
      supervisor: children,
      line,
      influx,
      ledger,
      problems,
      storeListens,
      hasBluez: bluez !== undefined,
    },
    async waitForStore(ms: number, ended: AbortSignal): Promise<void> {
      const isOver = () => storeListens() || ended.aborted || problems.length > 0;
      await within(ms, () => isOver() || undefined);
      stopIfEnded(ended);
      if (storeListens()) return;
      throw new Error(`the profile store does not run: ${lastWords(join(folder.logs, 'profile-store.log'))}`);
    },
    floor: openFloorProcess({ ...shared, opening, ledger }),
    receivers: openReceivers({ ...shared, mqttUrl, controllers, ...(bluez && { bus }) }),
    central: centralPlatform(door, { ...options, thermostats: fittedThermostats(bluez) }, Date.now),
    view: gatewayView(dashboardPort, folder.data),
    kiosk: `http://127.0.0.1:${dashboardPort}/kiosk`,
  };
}

type Premises = Awaited<ReturnType<typeof openPremises>>;

/** The gateway by its own command, and again whenever it ends; its end before it ever ran is a problem. */
function startGateway(
  { supervisor: children, folder, problems }: Premises,
  { said }: ShopListener,
  hasRun: () => boolean,
): Running {
  return children.start({
    name: 'gateway',
    args: [...program('gateway/main'), 'run', '--config', folder.config],
    logFile: join(folder.logs, 'gateway.log'),
    restartAfterMs: RESTART_MS,
    onExit(how) {
      if (!hasRun()) problems.push(`the gateway ended before it ran (${how})`);
      said(`the gateway is gone (${how}); its supervisor starts it again`);
    },
    onStart: (pid) => said(`the gateway starts, process ${pid}`),
  });
}

/** Asks gateway and profile store again and again, and has a thermostat turned from afar now and then. */
function watchShop(
  { central, view, ledger, storeListens }: Premises,
  { seed, speed }: ShopOptions,
  listener: ShopListener,
) {
  let status: GatewayStatus | undefined;
  let hasRun = false;
  /** The address with the token of the gateway that runs. */
  let told: string | undefined;
  const commands = seededRandom(seed, 'commands from afar');
  const readEvents = serially(async () => {
    for (const received of await central.newEvents()) {
      ledger.received(received);
      const happening = inWords(received.event);
      if (happening) listener.happened(happening);
    }
  });
  const repeated = [
    every(STATUS_MS, async () => {
      status = await view.status();
      hasRun ||= status !== undefined;
      const page = status && view.page();
      if (page !== undefined && page !== told) listener.said(`What happens over time: ${page}`);
      told = page ?? told;
    }),
    every(EVENTS_MS, async () => {
      if (storeListens()) await readEvents();
    }),
    every(COMMAND_EVERY_MS / speed, async () => {
      if (status) await central.sendSetpoint(commands);
    }),
  ];
  return {
    status: () => status,
    hasRun: () => hasRun,
    readEvents,
    async stop() {
      await Promise.all(repeated.map((stop) => stop()));
    },
  };
}

/** What a program said last before it ended, which is not JSON as its log is; or where to look. */
function lastWords(logFile: string): string {
  const said = readFileSync(logFile, 'utf8').trim().split('\n');
  return said.findLast((line) => line !== '' && !line.startsWith('{')) ?? `see ${logFile}`;
}
