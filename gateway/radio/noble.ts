import { type Adapter, adapterName } from './adapter.ts';
import { type HciSocket, h4Socket } from './h4-socket.ts';
import {
  LE_ADVERTISING_REPORT,
  LE_EXTENDED_ADVERTISING_REPORT,
  type LeReport,
  leReportReader,
} from './le-reports.ts';
import { type Hci, loadNoble, type Noble } from './load-noble.ts';
import type { RadioLog, RadioState } from './radio-state.ts';

/**
 * Hears advertisements by noble. noble keeps the controller's business: power, start-up, scan commands. The
 * advertisements themselves are taken below its `discover`, which would merge frames, withhold some, and keep
 * every address for ever.
 *
 * What noble says of itself is not trusted: `startScanning` succeeds when the controller refused, and after
 * power off and on nothing scans. So scanning is restarted at every power-on and whenever somebody else stopped
 * it, the controller's answer to "enable" is read, and `scanning` is said only once a frame came. Silence
 * restarts the scan, then resets the controller.
 */
export interface NobleOptions {
  adapter: Adapter;
  /** Called once for every report while scanning; `at` is of `now`. */
  onAdvertisement(report: LeReport, at: number): void;
  /** Called at every change, for the first time before `openNoble` returns. */
  onState(state: RadioState): void;
  log: RadioLog;
  /** ms, monotonic. */
  now(): number;
  /** Without a frame for so long the radio is `silent`. */
  silentAfterMs?: number;
}

export interface Radio {
  /** Stops scanning and gives the adapter back; the process can end within a second. No callback comes after. */
  close(): void;
}

/** habluetooth's: no shop is without any advertisement for so long while its radio works. */
export const SILENT_AFTER_MS = 90_000;
/** Between somebody else's "stop scanning" and ours, so that two hosts do not outbid each other. */
const RESTART_MS = 1_000;
const RESET_MS = 1_000;

/** Opens the adapter and scans until `close`. Never throws: what goes wrong is a `failed` state. */
export function openNoble(options: NobleOptions): Radio {
  const { adapter, now } = options;
  const listenersBefore = processListeners();
  const life = lifecycle(options);
  let noble: Noble | undefined;
  try {
    life.say({ kind: 'starting' });
    noble = loadNoble(
      adapter.kind === 'tcp' ? { socket: socketTo(adapter, life) } : { index: adapter.index },
    );
    takeReports(noble._bindings._hci, life, now);
    life.run(noble);
  } catch (error) {
    life.say({ kind: 'failed', why: whyNot(error as NodeJS.ErrnoException, adapter) });
  }
  removeNewListeners(listenersBefore);
  return {
    close() {
      life.end();
      noble?._bindings._hci._socket.stop();
    },
  };
}

interface Lifecycle {
  say(state: RadioState): void;
  /** Attaches to noble and initialises it; throws where the adapter cannot be opened. */
  run(noble: Noble): void;
  heard(reports: LeReport[], at: number): void;
  /** What is wrong with the connection to a controller behind TCP; nothing once it is up. */
  link(problem: string | undefined): void;
  malformed(): void;
  isOpen(): boolean;
  end(): void;
}

function lifecycle({ adapter, onAdvertisement, onState, log, now, silentAfterMs }: NobleOptions): Lifecycle {
  const patience = silentAfterMs ?? SILENT_AFTER_MS;
  const name = adapterName(adapter);
  let open = true;
  let state: RadioState | undefined;
  let scan: Scan | undefined;
  let lastFrameAt = now();
  let watch: NodeJS.Timeout | undefined;
  let malformed = 0;

  const say = (next: RadioState): void => {
    if (!open || JSON.stringify(next) === JSON.stringify(state)) return;
    state = next;
    onState(next);
  };
  const beginScan = (): void => {
    lastFrameAt = now();
    scan?.begin();
  };
  const onPower = (power: string): void => {
    scan?.pause();
    if (power === 'poweredOn') {
      say({ kind: 'starting' });
      beginScan();
    } else if (power === 'unauthorized') say({ kind: 'failed', why: noRight(name) });
    else if (power === 'unsupported') {
      say({ kind: 'failed', why: `${name} does not speak Bluetooth Low Energy: use another adapter` });
    } else if (adapter.kind === 'local') say({ kind: 'off' });
  };
  const onSilence = (): void => {
    if (now() - lastFrameAt < patience) return;
    lastFrameAt = now();
    if (state?.kind === 'starting' || state?.kind === 'scanning') say({ kind: 'silent' });
    scan?.revive();
  };

  return {
    say,
    isOpen: () => open,
    run(noble) {
      scan = scanControl(noble, (status) => say({ kind: 'failed', why: refused(name, status) }));
      const bindings = noble._bindings;
      noble.on('warning', (text) => log.warn(`noble: ${text}`));
      bindings.on('stateChange', onPower);
      watch = setInterval(onSilence, patience / 3);
      watch.unref();
      // Initialises, in the same turn; by a listener it would be later and swallow what goes wrong.
      void noble.state;
    },
    heard(reports, at) {
      if (!open || reports.length === 0 || scan?.isPaused() !== false) return;
      lastFrameAt = at;
      say({ kind: 'scanning' });
      for (const report of reports) onAdvertisement(report, at);
    },
    link(problem) {
      if (problem) say({ kind: 'failed', why: problem });
      else say({ kind: 'starting' });
    },
    malformed() {
      malformed += 1;
      if (malformed === 1) log.warn(`${name} sends events that break off; they are dropped`);
    },
    end() {
      scan?.end();
      open = false;
      clearInterval(watch);
    },
  };
}

interface Scan {
  begin(): void;
  /** The adapter is down: nothing to restart until `begin`. */
  pause(): void;
  isPaused(): boolean;
  /** Nothing was heard for long: begins again, every second time after a reset of the controller. */
  revive(): void;
  end(): void;
}

const COMMAND_DISALLOWED = 0x0c;

function scanControl(noble: Noble, onRefused: (status: number) => void): Scan {
  const hci = noble._bindings._hci;
  let paused = true;
  let answers = 0;
  let revivals = 0;
  let timer: NodeJS.Timeout | undefined;

  const begin = (): void => {
    clearTimeout(timer);
    if (noble.state !== 'poweredOn') return;
    paused = false;
    answers = 0;
    noble.startScanning([], true);
  };
  const beginLater = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(begin, ms);
  };
  // noble disables, sets the parameters and enables: the second answer is to "enable".
  hci.on('leScanEnableSet', (status: number) => {
    answers += 1;
    if (answers !== 2 || status === 0) return;
    // Legacy commands are disallowed once the host (a kernel ≥ 6.9, say) used extended ones, Core Spec vol 4 E §3.1.1.
    if (status === COMMAND_DISALLOWED && !hci._isExtended) {
      hci._isExtended = true;
      hci.setLeEventMask();
      begin();
    } else {
      hci._isExtended = false;
      onRefused(status);
    }
  });
  noble._bindings.on('scanStop', () => {
    if (!paused) beginLater(RESTART_MS);
  });
  return {
    begin,
    isPaused: () => paused,
    pause() {
      paused = true;
      clearTimeout(timer);
    },
    revive() {
      if (paused) return;
      revivals += 1;
      if (revivals % 2 === 1) begin();
      else {
        hci.reset();
        beginLater(RESET_MS);
      }
    },
    end() {
      clearTimeout(timer);
      if (!paused) noble.stopScanning();
      paused = true;
    },
  };
}

/** Takes the reports before noble sees them, and keeps noble alive over octets that it cannot read. */
function takeReports(hci: Hci, life: Lifecycle, now: () => number): void {
  const { processLeMetaEvent, onSocketData, pollIsDevUp } = hci;
  const read = leReportReader();
  let reports: LeReport[] = [];
  hci.processLeMetaEvent = (subevent, count, octets) => {
    if (subevent !== LE_ADVERTISING_REPORT && subevent !== LE_EXTENDED_ADVERTISING_REPORT) {
      processLeMetaEvent.call(hci, subevent, count, octets);
    } else reports = read(subevent, count, octets, now());
  };
  hci.onSocketData = (packet) => {
    try {
      onSocketData.call(hci, packet);
    } catch {
      life.malformed();
    }
    const heard = reports;
    reports = [];
    life.heard(heard, now());
  };
  // noble has no close: its poll, each second for ever, is what keeps the process.
  hci.pollIsDevUp = () => {
    if (life.isOpen()) pollIsDevUp.call(hci);
  };
}

function socketTo(adapter: { host: string; port: number }, life: Lifecycle): HciSocket {
  return h4Socket({ host: adapter.host, port: adapter.port, onLink: (problem) => life.link(problem) });
}

const EVENTS = ['SIGINT', 'exit'] as const;

function processListeners() {
  return EVENTS.map((event) => process.listeners(event as 'exit'));
}

/** noble ends the process on SIGINT where its handler is the last, and writes to the adapter on exit. */
function removeNewListeners(before: NodeJS.ExitListener[][]): void {
  EVENTS.forEach((event, i) => {
    for (const listener of process.listeners(event as 'exit')) {
      if (!before[i]?.includes(listener)) process.removeListener(event, listener);
    }
  });
}

function whyNot(error: NodeJS.ErrnoException, adapter: Adapter): string {
  const name = adapterName(adapter);
  switch (error.code) {
    case 'EAFNOSUPPORT':
      return `this machine's kernel has no Bluetooth (EAFNOSUPPORT): load its module, or give inputs.radio.adapter tcp:<host>:<port>`;
    case 'ENODEV':
      return `there is no adapter ${name} (ENODEV): /sys/class/bluetooth lists those there are`;
    case 'EPERM':
    case 'EACCES':
      return noRight(name);
    default:
      return `${name} cannot be opened: ${error.message.split('\n')[0]}`;
  }
}

function noRight(name: string): string {
  return `no right to use ${name}: the radio process needs CAP_NET_RAW and CAP_NET_ADMIN (systemd: AmbientCapabilities=)`;
}

function refused(name: string, status: number): string {
  const code = `0x${status.toString(16).padStart(2, '0')}`;
  return `${name} refuses to scan (HCI error ${code}, Core Spec vol 1 F): another program may be using it`;
}
