import { adapterName } from './adapter.ts';
import type { Radio, RadioOptions } from './driver.ts';
import {
  LE_ADVERTISING_REPORT,
  LE_EXTENDED_ADVERTISING_REPORT,
  type LeReport,
  leReportReader,
} from './le-reports.ts';
import { type HciSocket, h4Socket } from './noble/h4-socket.ts';
import { type Hci, loadNoble, type Noble } from './noble/load-noble.ts';
import { type ScanControl, scanControl } from './noble/scan-control.ts';
import { noLowEnergy, noRight, scanRefused, whyNotOpen } from './radio-problems.ts';
import { isSame, type RadioState } from './radio-state.ts';
import { type Silence, watchSilence } from './silence.ts';

/**
 * Hears advertisements by noble. noble keeps the controller's business: power, start-up, scan commands. The
 * advertisements themselves are taken below its `discover`, which would merge frames, withhold some, and keep
 * every address for ever.
 *
 * What noble says of itself is not trusted: `startScanning` succeeds when the controller refused, and after
 * power off and on nothing scans. So scanning is restarted at every power-on and whenever somebody else stopped
 * it, the controller's answer to "enable" is read, and `scanning` is said only once a frame came. After silence
 * (`silence.ts`) the controller is reset.
 *
 * Opens the adapter and scans until `close`. Never throws: what goes wrong is a `failed` state.
 */
export function openNoble(options: RadioOptions): Radio {
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
    life.say({ kind: 'failed', why: whyNotOpen(error as NodeJS.ErrnoException, adapter) });
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

function lifecycle(options: RadioOptions): Lifecycle {
  const { adapter, onAdvertisement, onState, log } = options;
  const name = adapterName(adapter);
  let open = true;
  let state: RadioState | undefined;
  let scan: ScanControl | undefined;
  let silence: Silence | undefined;
  let malformed = 0;

  const say = (next: RadioState): void => {
    if (!open || isSame(next, state)) return;
    state = next;
    onState(next);
  };
  const beginScan = (): void => {
    silence?.broken('begin');
    scan?.begin();
  };
  const onPower = (power: string): void => {
    scan?.pause();
    if (power === 'poweredOn') {
      say({ kind: 'starting' });
      beginScan();
    } else if (power === 'unauthorized') say({ kind: 'failed', why: noRight(name) });
    else if (power === 'unsupported') {
      say({ kind: 'failed', why: noLowEnergy(name) });
    } else if (adapter.kind === 'local') say({ kind: 'off' });
  };
  return {
    say,
    isOpen: () => open,
    run(noble) {
      scan = scanControl(noble, (status) => say({ kind: 'failed', why: scanRefused(name, status) }));
      const bindings = noble._bindings;
      noble.on('warning', (text) => log.warn(`noble: ${text}`));
      bindings.on('stateChange', onPower);
      silence = watchSilence(options, name, {
        isWatched: () => scan?.isPaused() === false,
        onSilent() {
          if (state?.kind === 'starting' || state?.kind === 'scanning') say({ kind: 'silent' });
        },
        revive: (how) => scan?.revive(how),
      });
      // Initialises, in the same turn; by a listener it would be later and swallow what goes wrong.
      void noble.state;
    },
    heard(reports, at) {
      if (!open || reports.length === 0 || scan?.isPaused() !== false) return;
      silence?.broken('frame');
      if (state?.kind !== 'scanning') say({ kind: 'scanning' });
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
      silence?.end();
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
