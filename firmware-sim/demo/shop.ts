import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { boxRadio, receivers as plannedReceivers } from '../shop-floor/floor-plan.ts';
import { seededRandom } from '../shop-floor/seeded-random.ts';
import { type CentralPlatform, centralPlatform } from './central-platform.ts';
import { addDevices, DEVICES_AT_ONCE } from './command.ts';
import { type FloorProcess, openFloorProcess } from './floor-process.ts';
import { type Folder, makeFolder } from './folder.ts';
import { type GatewayStatus, type GatewayView, gatewayView } from './gateway-view.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { type Line, openLine } from './line.ts';
import { freePorts } from './ports.ts';
import { type Finding, filesBelow, searchFiles } from './privacy-search.ts';
import { program } from './programs.ts';
import { openReceivers, type Receivers } from './receivers.ts';
import { connectingDevices } from './shop-config.ts';
import { type Running, type Supervisor, supervisor } from './supervise.ts';
import { chunks, eachOf, within } from './waiting.ts';
import { type Happening, inWords } from './words.ts';

/*
 * The demo's shop: every process of it, and what is known of them.
 *
 *   shop floor ──MQTT/TLS──▶ gateway ──▶ line ──▶ profile store ──▶ ledger
 *       │ HCI                  ▲ ▲
 *       ├──▶ 4 ceiling receivers │
 *       └──▶ aisle radio ────────┘
 */

export interface ShopOptions {
  shoppers: number;
  /** 0 to 1 */
  consenting: number;
  speed: number;
  seed: number;
}

export interface Shop {
  folder: Folder;
  supervisor: Supervisor;
  central: CentralPlatform;
  view: GatewayView;
  ledger: Ledger;
  line: Line;
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
/** Commands that make secrets at a time: each keeps a core busy for a second. */
const ENROLLING = 2;

/** Starts everything. Resolves when the gateway runs; devices connect as they are enrolled. */
export async function openShop(
  options: ShopOptions,
  listener: ShopListener,
  ended: AbortSignal,
): Promise<Shop> {
  const { seed, speed } = options;
  const [mqttPort = 0, dashboardPort = 0, storePort = 0, ...radioPorts] = await freePorts(
    3 + plannedReceivers.length,
  );
  const controllers = Object.fromEntries(plannedReceivers.map(({ id }, i) => [id, radioPorts[i] ?? 0]));
  const line = await openLine(storePort);
  const folder = await makeFolder({
    mqttPort,
    dashboardPort,
    radioPort: controllers[boxRadio.id] ?? 0,
    lineUrl: `http://127.0.0.1:${line.port}`,
  });
  const children = supervisor();
  const ledger = createLedger();
  const problems: string[] = [];
  const onExit = (name: string, how: string) => {
    problems.push(`${name} ended by itself (${how})`);
    listener.said(`${name} ended by itself (${how}); its log is in ${folder.root}`);
  };
  const mqttUrl = `mqtts://127.0.0.1:${mqttPort}`;
  const gatewayRef = { url: mqttUrl, ca: folder.ca };

  let storeListens = false;
  children.start({
    name: 'profile-store',
    args: [
      ...program('firmware-sim/profile-store'),
      ...['--data', folder.profileStore, '--token-file', folder.tokenFile],
      ...['--listen', `127.0.0.1:${storePort}`, '--issuer-key', folder.issuerKeyFile],
    ],
    logFile: join(folder.logs, 'profile-store.log'),
    onLine: () => {
      storeListens = true;
    },
    onExit: (how) => onExit('profile-store', how),
  });
  const { bindKeys } = folder;
  const opening = { kind: 'open' as const, ...options, gateway: gatewayRef, controllers, bindKeys };
  const floor = openFloorProcess({ opening, folder, supervisor: children, ledger, onExit });
  const receivers = openReceivers({ folder, supervisor: children, mqttUrl, controllers, onExit });
  const store = { url: `http://127.0.0.1:${storePort}`, token: folder.token };
  const central = centralPlatform(store, options, Date.now);
  const view = gatewayView(dashboardPort, folder.data);

  const [first = '', ...others] = connectingDevices();
  let enrolledCount = 0;
  async function enrol(devices: readonly string[]): Promise<void> {
    if (ended.aborted) return;
    const secrets = await addDevices(folder.config, devices);
    if (ended.aborted) return;
    for (const [device, secret] of secrets) {
      if (!receivers.enrol(device, secret)) floor.giveSecret(device, secret);
    }
    enrolledCount += secrets.size;
    listener.enrolled(enrolledCount, others.length + 1);
  }
  // Alone: it makes the data folder.
  await enrol([first]);
  let hasRun = false;
  const gateway = children.start({
    name: 'gateway',
    args: [...program('gateway/main'), 'run', '--config', folder.config],
    logFile: join(folder.logs, 'gateway.log'),
    restartAfterMs: RESTART_MS,
    onExit: (how) => {
      if (!hasRun) problems.push(`the gateway ended before it ran (${how})`);
      listener.said(`the gateway is gone (${how}); its supervisor starts it again`);
    },
    onStart: (pid) => listener.said(`the gateway starts, process ${pid}`),
  });
  const enrolled = eachOf(chunks(others, DEVICES_AT_ONCE), ENROLLING, enrol).catch((error: Error) => {
    problems.push(error.message);
    listener.said(error.message);
  });

  let status: GatewayStatus | undefined;
  const readEvents = serially(async () => {
    for (const received of await central.newEvents()) {
      ledger.received(received);
      const happening = inWords(received.event);
      if (happening) listener.happened(happening);
    }
  });
  const commands = seededRandom(seed, 'commands from afar');
  const asking = [
    every(STATUS_MS, async () => {
      status = await view.status();
    }),
    every(EVENTS_MS, async () => {
      if (storeListens) await readEvents();
    }),
    every(COMMAND_EVERY_MS / speed, async () => {
      if (hasRun) await central.sendSetpoint(commands);
    }),
  ];
  const shop: Shop = {
    ...{ folder, central, view, ledger, line, floor, receivers, gateway, readEvents, problems },
    supervisor: children,
    status: () => status,
    async quiet() {
      await enrolled;
      await Promise.all(asking.map((stop) => stop()));
    },
  };
  try {
    await within(START_MS, () => storeListens || ended.aborted || undefined);
    if (!ended.aborted) await central.giveConsents();
    const runs = () => (status !== undefined || problems.length > 0 || ended.aborted ? true : undefined);
    await within(START_MS, runs);
    hasRun = status !== undefined;
    if (!hasRun && !ended.aborted) {
      throw new Error(`the gateway does not run: ${lastWords(join(folder.logs, 'gateway.log'))}`);
    }
    return shop;
  } catch (error) {
    await Promise.all(asking.map((stop) => stop()));
    await children.stopAll();
    await line.close();
    throw error;
  }
}

/** Where nothing of a stranger may stand: all that the gateway's side and the profile store have on disk. */
export function searched(folder: Folder): string[] {
  return [folder.data, folder.logs, folder.profileStore];
}

export function searchShop(
  { folder, floor }: Shop,
  identifiers: Iterable<string> = floor.strangers(),
): Finding[] {
  return searchFiles(filesBelow(searched(folder)), identifiers);
}

/** What a program said last before it ended, which is not JSON as its log is; or where to look. */
function lastWords(logFile: string): string {
  const said = readFileSync(logFile, 'utf8').trim().split('\n');
  return said.findLast((line) => line !== '' && !line.startsWith('{')) ?? `see ${logFile}`;
}

/** Does something again and again, never twice at a time; a failure waits for the next time. Returns its end. */
function every(ms: number, work: () => Promise<void>): () => Promise<void> {
  let current = Promise.resolve();
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    current = work()
      .catch(() => {})
      .finally(() => {
        isBusy = false;
      });
  }, ms);
  return async () => {
    clearInterval(timer);
    await current;
  };
}

/** One call after another. */
function serially(work: () => Promise<void>): () => Promise<void> {
  let last = Promise.resolve();
  return () => {
    last = last.catch(() => {}).then(work);
    return last;
  };
}
