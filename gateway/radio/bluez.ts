import type { BluezBus } from './bluez/bus.ts';
import type { Scan, ScanTimes } from './bluez/scan.ts';
import { scanAnywhere } from './bluez/scan-anywhere.ts';
import { type WantedAdapter, wantedName } from './bluez/wanted-adapter.ts';
import type { Radio, RadioOptions } from './driver.ts';
import type { LeReport } from './le-reports.ts';
import { isSame, type RadioState } from './radio-state.ts';
import { watchSilence } from './silence.ts';

export interface BluezOptions extends Omit<RadioOptions, 'adapter'> {
  adapter: WantedAdapter;
  /** Shared with the GATT peers; closed by who opened it. */
  bus: BluezBus;
  times?: Partial<ScanTimes>;
}

const TIMES: ScanTimes = { startMs: 15_000, powerOffMs: 2_000, restartMs: 1_000, retryMs: 5_000 };

/**
 * Hears advertisements by BlueZ (`bluez/frames.ts`: what of them). What BlueZ says of itself is not trusted:
 * `Discovering` stays true at an adapter that hears nothing, and `InProgress` is its word for every refusal. So
 * `scanning` is said only once a frame came; a scan that somebody ended is begun again, and so it is after the
 * adapter was off or away, bluetoothd was restarted, or D-Bus was gone. After silence (`silence.ts`) the adapter is powered off
 * and on.
 *
 * Scans until `close`, which gives the adapter back. Never throws: what goes wrong is a `failed` state.
 */
export function openBluez(options: BluezOptions): Radio {
  const { adapter, bus, onAdvertisement, onState, now } = options;
  const times = { ...TIMES, ...options.times };
  let open = true;
  let state: RadioState | undefined;
  let scan: Scan | undefined;

  const say = (next: RadioState): void => {
    if (!open || isSame(next, state)) return;
    if (next.kind === 'starting') silence.broken('begin');
    state = next;
    onState(next);
  };
  const heard = (report: LeReport): void => {
    if (!open) return;
    silence.broken('frame');
    if (state?.kind !== 'scanning') say({ kind: 'scanning' });
    onAdvertisement(report, now());
  };
  const silence = watchSilence(options, wantedName(adapter), {
    isWatched: () => state?.kind === 'starting' || state?.kind === 'scanning' || state?.kind === 'silent',
    onSilent: () => say({ kind: 'silent' }),
    revive: (how) => scan?.revive(how),
  });

  say({ kind: 'starting' });
  const unfollow = bus.follow({
    onSession(session) {
      scan?.end();
      say({ kind: 'starting' });
      scan = scanAnywhere(session, adapter, { say, heard }, times);
    },
    onNone(why) {
      scan?.end();
      scan = undefined;
      say(why === undefined ? { kind: 'starting' } : { kind: 'failed', why });
    },
  });
  return {
    close() {
      open = false;
      silence.end();
      unfollow();
      scan?.end();
    },
  };
}
