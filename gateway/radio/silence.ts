import { type RadioOptions, SILENT_AFTER_MS } from './driver.ts';
import { stillSilent } from './radio-problems.ts';

/** What is done about a radio that hears nothing: its scan is begun anew, then the adapter is restarted first. */
export type Revival = 'scan' | 'adapter';

export interface Silence {
  /** A frame came; or scanning begins, which gives it as much time. */
  broken(by: 'frame' | 'begin'): void;
  end(): void;
}

/**
 * Watches for silence: each `silentAfterMs` without a frame is one step. The first revives the scan, the second the
 * adapter, the third is told as an error; from then on the scan alone is revived, until a frame comes. The adapter
 * is restarted once a silence, for it costs everybody else on it their links. `onSilent` comes first, at each step.
 */
export function watchSilence(
  { now, log, silentAfterMs = SILENT_AFTER_MS }: Pick<RadioOptions, 'now' | 'log' | 'silentAfterMs'>,
  name: string,
  on: { isWatched(): boolean; onSilent(): void; revive(how: Revival): void },
): Silence {
  let since = now();
  let steps = 0;
  const look = (): void => {
    if (now() - since < silentAfterMs || !on.isWatched()) return;
    since = now();
    steps += 1;
    on.onSilent();
    if (steps === 3) log.error(stillSilent(name));
    on.revive(steps === 2 ? 'adapter' : 'scan');
  };
  const timer = setInterval(look, silentAfterMs / 3);
  timer.unref();
  return {
    broken(by) {
      since = now();
      if (by === 'frame') steps = 0;
    },
    end: () => clearInterval(timer),
  };
}
