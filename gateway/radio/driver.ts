import type { Adapter } from './adapter.ts';
import type { LeReport } from './le-reports.ts';
import type { RadioLog, RadioState } from './radio-state.ts';

/** What stands behind each of the two radio libraries, noble and BlueZ. */
export type OpenRadio = (options: RadioOptions) => Radio;

export interface RadioOptions {
  adapter: Adapter;
  /** Called once for every report while scanning; `at` is of `now`. */
  onAdvertisement(report: LeReport, at: number): void;
  /** Called at every change, for the first time before the driver returns. */
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

/** Within so long, ms, a radio's state is the true one. `scanning` is told with the frame that shows it. */
export const TOLD_WITHIN_MS = {
  /** `off` or `failed`: power off, adapter unplugged, its connection, D-Bus or bluetoothd gone. noble looks each second. */
  lost: 3_000,
  /** `failed`: a controller, D-Bus or bluetoothd that takes a command and never answers. */
  hung: 20_000,
  /** `silent`: looked at three times within `silentAfterMs`. */
  silent: (silentAfterMs: number) => silentAfterMs * 1.5,
  /**
   * The scan is on again: after power on, plug in (under another name too, where it is known by its address), D-Bus
   * or bluetoothd back, or somebody else's "stop".
   */
  back: 5_000,
} as const;
