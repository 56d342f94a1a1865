import { zones } from '../shop-floor/floor-plan.ts';

/** An event as a line that a passer-by understands. */
export interface Happening {
  /** When it happened, ms since the epoch. */
  at: number;
  about: 'person' | 'shelf' | 'button' | 'climate' | 'shop';
  text: string;
  /** The profile store's reference of whom it is about, who agreed. */
  ref?: string;
  /** The device that it is about. */
  device?: string;
}

interface Told {
  type: string;
  time?: unknown;
  data?: unknown;
}

const zoneNames = new Map(zones.map(({ id, name }) => [id, name]));

/** The event in words; nothing where there is nothing to say that another line does not say. */
export function inWords(event: Told): Happening | undefined {
  const name = /^aisle\.(.+)\.v\d+$/.exec(event.type)?.[1] ?? '';
  const teller = TELLERS[name];
  const data = (event.data ?? {}) as Data;
  const text = teller?.tell(data);
  if (!teller || text === undefined) return undefined;
  const ref = refOf(data);
  const device = data.shelfId ?? data.deviceId ?? data.device;
  return {
    at: Date.parse(String(event.time)),
    about: teller.about,
    text,
    ...(ref !== undefined && { ref }),
    ...(typeof device === 'string' && { device }),
  };
}

type Data = Record<string, unknown>;
interface Teller {
  about: Happening['about'];
  tell(data: Data): string | undefined;
}

const person = (tell: Teller['tell']): Teller => ({ about: 'person', tell });
const shelf = (tell: Teller['tell']): Teller => ({ about: 'shelf', tell });
const shop = (tell: Teller['tell']): Teller => ({ about: 'shop', tell });

const TELLERS: Readonly<Record<string, Teller>> = {
  'visit.started': person((data) => `${who(data)} is here, known by ${method(data)}`),
  'visit.ended': person((data) =>
    data.reason === 'withdrawn'
      ? 'A visit ended: its consent was withdrawn'
      : `${who(data)} left after ${duration(data.durationS)}`,
  ),
  'zone.entered': person((data) => `${who(data)} entered ${zone(data)}`),
  'zone.dwelled': person((data) => `${who(data)} has been in ${zone(data)} for ${duration(data.thresholdS)}`),
  'consent.withdrawn': person(() => 'A consent was withdrawn'),
  'shelf.item.picked': shelf((data) => `${goods(data)} picked from ${data.shelfId}`),
  'shelf.item.returned': shelf((data) => `${goods(data)} put on ${data.shelfId}`),
  'shelf.stock.changed': shelf((data) =>
    data.level === 'ok'
      ? `${sku(data)} on ${data.shelfId} is in stock again`
      : `${sku(data)} on ${data.shelfId} is ${data.level}`,
  ),
  'button.pressed': {
    about: 'button',
    tell: (data) => `${data.deviceId} pressed in ${zone(data)}${intent(data)}`,
  },
  'thermostat.changed': {
    about: 'climate',
    tell: (data) =>
      `${data.deviceId} set to ${data.setpointC} °C${data.changedBy === 'central' ? ', from afar' : ''}`,
  },
  'climate.measured': {
    about: 'climate',
    tell: (data) => `${data.temperatureC} °C in ${zone(data)}`,
  },
  'occupancy.aggregated': shop((data) => `${others(data.count)} in ${zone(data)}`),
  'command.completed': shop((data) =>
    data.ok === true
      ? `${data.device} obeyed a signed command`
      : `${data.device ?? 'A device'} refused a command`,
  ),
  'device.health': shop(health),
  'gateway.gap': shop(
    (data) => `${data.count} waiting ${data.count === 1 ? 'event' : 'events'} ${data.reason}`,
  ),
  'gateway.health': shop((data) => `The box is well, ${data.queueDepth} waiting`),
};

function health({ deviceId, state, batteryLow }: Data): string | undefined {
  const battery = batteryLow === true ? 'low on battery' : undefined;
  const is = [state, battery].filter((said) => said !== undefined).join(', ');
  return is === '' ? undefined : `${deviceId} is ${is}`;
}

function refOf(data: Data): string | undefined {
  const ref = (data.subject as { ref?: unknown } | undefined)?.ref;
  return typeof ref === 'string' ? ref : undefined;
}

function who(data: Data): string {
  return refOf(data) ?? 'Somebody';
}

function method(data: Data): string {
  return data.method === 'app' ? 'the app' : 'a tag';
}

function zone({ zoneId }: Data): string {
  return zoneNames.get(String(zoneId)) ?? String(zoneId);
}

function sku(data: Data): string {
  const name = String(data.sku).replaceAll('-', ' ');
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function goods(data: Data): string {
  const quantity = Number(data.quantity);
  return `${quantity === 1 ? 'One' : `${quantity} ×`} ${String(data.sku).replaceAll('-', ' ')}`;
}

function intent(data: Data): string {
  return data.intent === undefined ? '' : `: ${String(data.intent).replaceAll('-', ' ')}`;
}

function others(count: unknown): string {
  return typeof count === 'number' ? `About ${count} others` : 'Fewer than 10 others';
}

function duration(seconds: unknown): string {
  const s = Number(seconds);
  return s < 60 ? `${s} s` : `${Math.round(s / 60)} min`;
}
