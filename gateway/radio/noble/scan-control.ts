import type { Revival } from '../silence.ts';
import type { Noble } from './load-noble.ts';

/** Between somebody else's "stop scanning" and ours, so that two hosts do not outbid each other. */
const RESTART_MS = 1_000;
/** What noble does after a reset takes less. */
const RESET_MS = 1_000;

/**
 * Starts noble's scanning and keeps it started. noble itself says "started" when the controller answers its
 * *disable*; here the answer to *enable* counts, and `onRefused` gets its HCI error code.
 */
export interface ScanControl {
  begin(): void;
  /** The adapter is down: nothing to restart until `begin`. */
  pause(): void;
  isPaused(): boolean;
  /** Nothing was heard for long: begins again, for the adapter after a reset of the controller. */
  revive(how: Revival): void;
  end(): void;
}

const COMMAND_DISALLOWED = 0x0c;

export function scanControl(noble: Noble, onRefused: (status: number) => void): ScanControl {
  const hci = noble._bindings._hci;
  let paused = true;
  let answers = 0;
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
    revive(how) {
      if (paused) return;
      if (how === 'scan') begin();
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
