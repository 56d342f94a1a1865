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
