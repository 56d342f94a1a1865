import type { LeReport } from '../le-reports.ts';
import { discoveryRefused, noAdapter, noRightToBluez, whyNoBluez } from '../radio-problems.ts';
import type { RadioState } from '../radio-state.ts';
import type { Revival } from '../silence.ts';
import { ADAPTER } from './adapters.ts';
import type { BluezSignal, BusError, BusSession, Properties } from './bus.ts';
import { isNoObject, isNoRight } from './bus-error.ts';
import { type DiscoveryTimes, discovery } from './discovery.ts';
import { deviceFrames } from './frames.ts';

export interface ScanTimes extends DiscoveryTimes {
  /** Between somebody else's "stop scanning" and ours, so that two programs do not outbid each other, ms. */
  restartMs: number;
  /** Between two attempts to scan at an adapter that refuses, ms; grows to ten times as much. */
  retryMs: number;
}

export interface ScanEvents {
  /** `off`, `failed`, or `starting` when the adapter is there again. */
  say(state: RadioState): void;
  heard(report: LeReport): void;
}

/** Scanning by one adapter while a session lasts: begun whenever the adapter is on, and kept on. */
export interface Scan {
  /** Nothing was heard for long: scans anew, or powers the adapter off and on first. */
  revive(how: Revival): void;
  /** Gives the adapter back; to one that is gone nothing is said. */
  end(adapter?: 'gone'): void;
}

/** At the third refusal in a row the adapter is powered off and on, and then at every tenth more. */
const isTimeToCycle = (refusals: number) => refusals % 10 === 3;

/** `whyAbsent`: what to say where there is no adapter of this name. */
export function scanBy(
  session: BusSession,
  name: string,
  events: ScanEvents,
  times: ScanTimes,
  whyAbsent = () => noAdapter(name),
): Scan {
  const path = `/org/bluez/${name}`;
  const frames = deviceFrames(path);
  const control = discovery(session, path, times);
  /** The adapter, as far as its signals say. */
  let power: 'unknown' | 'absent' | 'off' | 'on' = 'unknown';
  /** How often they said another thing. */
  let powerChanges = 0;
  let ended = false;
  /** A step is under way; the adapter's signals are then echoes of our own doing. */
  let busy = false;
  let discovering: boolean | undefined;
  let refusals = 0;
  let later: NodeJS.Timeout | undefined;

  const step = async (work: () => Promise<void>): Promise<void> => {
    clearTimeout(later);
    if (ended || busy) return;
    busy = true;
    const before = powerChanges;
    const error = await work().then(
      () => undefined,
      (reason: BusError) => reason,
    );
    busy = false;
    if (ended) return;
    if (error) failed(error, powerChanges !== before);
    else refusals = 0;
    if (power !== 'on') tellPower();
    // It was turned off and on, or stopped, while the step was under way.
    else if (!error && discovering === false) beginAfter(times.restartMs);
  };
  const begin = (): void => void step(control.start);
  const beginAfter = (ms: number): void => {
    clearTimeout(later);
    later = setTimeout(begin, ms);
  };
  const powerCycle = (): void =>
    void step(async () => {
      await control.powerCycle();
      await control.start();
    });

  const failed = (error: BusError, isPowerNews: boolean): void => {
    if (error.type === 'over') return;
    const said = isNoObject(error) ? 'absent' : error.type === 'org.bluez.Error.NotReady' ? 'off' : undefined;
    // Signals came meanwhile, and know better.
    if (said && isPowerNews && power === 'on') return beginAfter(times.restartMs);
    if (said) power = said;
    if (power !== 'on') return;
    refusals += 1;
    events.say({
      kind: 'failed',
      why: isNoRight(error) ? noRightToBluez() : discoveryRefused(name, error),
    });
    const wait = Math.min(refusals, 10) * times.retryMs;
    clearTimeout(later);
    later = setTimeout(isTimeToCycle(refusals) ? powerCycle : begin, wait);
  };

  const tellPower = (): void => {
    if (power === 'absent') events.say({ kind: 'failed', why: whyAbsent() });
    else if (power === 'off') events.say({ kind: 'off' });
  };
  const setPower = (now: typeof power): void => {
    if (now === power) return;
    power = now;
    powerChanges += 1;
    clearTimeout(later);
    // What a step of ours does to the adapter is told when the step has ended.
    if (busy) return;
    if (now === 'on') {
      events.say({ kind: 'starting' });
      begin();
    } else tellPower();
  };
  const onAdapter = (properties: Properties): void => {
    if (typeof properties.Discovering === 'boolean') discovering = properties.Discovering;
    if (typeof properties.Powered === 'boolean') setPower(properties.Powered ? 'on' : 'off');
    if (typeof properties.Discovering !== 'boolean' || busy) return;
    if (properties.Discovering) clearTimeout(later);
    else if (power === 'on') beginAfter(times.restartMs);
  };
  const onSignal = (signal: BluezSignal): void => {
    if (signal.path === path) {
      if (signal.kind === 'changed' && signal.interface === ADAPTER) onAdapter(signal.changed);
      else if (signal.kind === 'added' && signal.interfaces[ADAPTER]) onAdapter(signal.interfaces[ADAPTER]);
      else if (signal.kind === 'removed' && signal.interfaces.includes(ADAPTER)) setPower('absent');
      return;
    }
    const report = frames.read(signal);
    if (report && power === 'on') events.heard(report);
  };

  const look = async (): Promise<void> => {
    try {
      const objects = await session.objects();
      if (ended) return;
      frames.know(objects);
      const adapter = objects[path]?.[ADAPTER];
      if (power !== 'unknown') return;
      if (adapter) onAdapter({ Powered: adapter.Powered });
      else setPower('absent');
    } catch (error) {
      session.abandon(whyNoBluez(error as BusError));
    }
  };
  const stopListening = session.onSignal(onSignal);
  session.scanned.add(path);
  void look();

  return {
    revive(how) {
      if (power !== 'on') return;
      if (how === 'adapter') powerCycle();
      else begin();
    },
    end(adapter) {
      ended = true;
      clearTimeout(later);
      stopListening();
      session.scanned.delete(path);
      if (session.isOver()) return;
      control.leave(adapter !== 'gone' && (power === 'on' || power === 'off'));
    },
  };
}
