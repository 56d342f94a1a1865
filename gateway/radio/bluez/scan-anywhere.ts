import type { SeenAdapter } from './adapters.ts';
import type { BusSession } from './bus.ts';
import { type Scan, type ScanEvents, type ScanTimes, scanBy } from './scan.ts';
import { seenAt, type WantedAdapter, wantedName, whyAbsent } from './wanted-adapter.ts';

/** Scanning by the adapter that is wanted: by an address it goes along when that adapter comes under another name. */
export function scanAnywhere(
  session: BusSession,
  wanted: WantedAdapter,
  events: ScanEvents,
  times: ScanTimes,
): Scan {
  if (wanted.kind === 'address') return scanByAddress(session, wanted.address, events, times);
  return scanBy(session, wantedName(wanted), events, times);
}

function scanByAddress(session: BusSession, address: string, events: ScanEvents, times: ScanTimes): Scan {
  let at: SeenAdapter | undefined;
  let scan: Scan | undefined;

  const whyNot = () => whyAbsent(session, { kind: 'address', address });
  const look = (): void => {
    const found = seenAt(session, address);
    if (found && found === at) return;
    // Its path may already be another adapter's.
    scan?.end('gone');
    at = found;
    scan = undefined;
    if (!found) return events.say({ kind: 'failed', why: whyNot() });
    events.say({ kind: 'starting' });
    scan = scanBy(session, found.name, events, times, whyNot);
  };
  const stopLooking = session.adapters.onChange(look);
  look();
  return {
    revive: (how) => scan?.revive(how),
    end() {
      stopLooking();
      scan?.end();
    },
  };
}
