import type { Heard } from './advertising.ts';
import { errors } from './errors.ts';

/** A client's discovery filter, as SetDiscoveryFilter gives it. */
export interface Filter {
  uuids: string[];
  rssi?: number;
  duplicateData: boolean;
  pattern?: string;
}

export const FILTER_KEYS: Record<string, string> = {
  UUIDs: 'as',
  RSSI: 'n',
  Pathloss: 'q',
  Transport: 's',
  DuplicateData: 'b',
  Discoverable: 'b',
  Pattern: 's',
};

/** The discovery sessions of an adapter, each owned by the connection that asked for it (src/adapter.c). */
export interface Discovery {
  setFilter(sender: string, filter: unknown): void;
  /** True: it is the first. Throws InProgress where the sender has a session. */
  start(sender: string): boolean;
  /** True: it was the last. Throws `Failed` where the sender has none. */
  stop(sender: string): boolean;
  /** The connection is gone. True: its session was the last. */
  forget(sender: string): boolean;
  /** Ends all sessions; the adapter's power takes the filters too. */
  end(what: 'sessions' | 'sessions and filters'): void;
  /** All sessions have a filter. */
  isFiltered(): boolean;
  /** One session at least wants every report. */
  wantsDuplicates(): boolean;
  takes(heard: Heard, report: { rssi: number; address: string }): boolean;
  counts(): { sessions: number; filters: number };
}

export function createDiscovery(): Discovery {
  const filters = new Map<string, Filter>();
  const sessions = new Map<string, Filter | undefined>();
  const active = () => [...sessions.values()];
  const isFiltered = () => active().every((filter) => filter !== undefined);

  return {
    setFilter(sender, given) {
      const filter = readFilter(given as Record<string, { signature: string; value: unknown }>);
      if (filter) filters.set(sender, filter);
      else filters.delete(sender);
      if (sessions.has(sender)) sessions.set(sender, filter);
    },
    start(sender) {
      if (sessions.has(sender)) throw errors.inProgress();
      sessions.set(sender, filters.get(sender));
      return sessions.size === 1;
    },
    stop(sender) {
      if (!sessions.delete(sender)) throw errors.failed('No discovery started');
      return sessions.size === 0;
    },
    forget(sender) {
      filters.delete(sender);
      return sessions.delete(sender) && sessions.size === 0;
    },
    end(what) {
      sessions.clear();
      if (what === 'sessions and filters') filters.clear();
    },
    isFiltered,
    wantsDuplicates: () => active().some((filter) => filter?.duplicateData),
    takes(heard, report) {
      if (sessions.size === 0) return false;
      return !isFiltered() || active().some((filter) => filter && matches(filter, heard, report));
    },
    counts: () => ({ sessions: sessions.size, filters: filters.size }),
  };
}

function matches({ uuids, rssi, pattern }: Filter, heard: Heard, report: { rssi: number; address: string }) {
  if (rssi !== undefined && report.rssi < rssi) return false;
  if (uuids.length > 0 && !heard.uuids.some((uuid) => uuids.includes(uuid))) return false;
  return pattern === undefined || [heard.name ?? '', report.address].some((text) => text.startsWith(pattern));
}

function readFilter(given: Record<string, { signature: string; value: unknown }>): Filter | undefined {
  for (const [key, { signature }] of Object.entries(given)) {
    if (FILTER_KEYS[key] !== signature) throw errors.invalidArguments();
  }
  if (given.RSSI && given.Pathloss) throw errors.invalidArguments();
  const transport = given.Transport?.value ?? 'auto';
  if (!['auto', 'bredr', 'le'].includes(String(transport))) throw errors.invalidArguments();
  if (Object.keys(given).length === 0) return undefined;
  return {
    uuids: (given.UUIDs?.value as string[] | undefined) ?? [],
    duplicateData: given.DuplicateData?.value === true,
    ...(given.RSSI ? { rssi: Number(given.RSSI.value) } : {}),
    ...(given.Pattern ? { pattern: String(given.Pattern.value) } : {}),
  };
}
