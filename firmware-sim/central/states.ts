import { type CloudEvent, isObject } from '../profile-store/cloud-event.ts';

/** What an event says of how something is now; the last by `sequence` holds, in whatever order they come. */
export interface State {
  kind: 'thermostat' | 'stock' | 'place' | 'device' | 'gateway';
  key: string;
  value: Record<string, unknown>;
}

type Data = Record<string, unknown>;

/** Nothing where the event tells only that something happened: then it is one of a set. */
export function stateIn({ type, data }: CloudEvent): State | undefined {
  const teller = TELLERS[/^aisle\.(.+)\.v1$/.exec(type)?.[1] ?? ''];
  return teller && isObject(data) ? teller(data) : undefined;
}

const TELLERS: Readonly<Record<string, (data: Data) => State | undefined>> = {
  'thermostat.changed': (data) => state('thermostat', data, ['deviceId'], ['setpointC', 'mode']),
  'shelf.stock.changed': (data) =>
    state('stock', data, ['shelfId', 'slot'], ['sku', 'level', 'estimatedUnits']),
  'device.health': (data) =>
    state('device', data, ['deviceId'], ['state', 'battery', 'batteryLow', 'firmware']),
  'gateway.health': (data) =>
    state('gateway', data, ['storeId'], ['mode', 'queueDepth', 'consentListVersion']),
  'zone.entered': (data) => state('place', data, ['visitId'], ['zoneId']),
  // Into `unknown`: nobody knows where.
  'zone.exited': (data) => state('place', data, ['visitId'], []),
  'visit.ended': (data) => state('place', data, ['visitId'], []),
};

function state(kind: State['kind'], data: Data, key: string[], said: string[]): State | undefined {
  if (key.some((name) => data[name] === undefined)) return undefined;
  const value = Object.fromEntries(said.flatMap((name) => (name in data ? [[name, data[name]]] : [])));
  return { kind, key: key.map((name) => String(data[name])).join('/'), value };
}
