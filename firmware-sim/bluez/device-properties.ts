import type { Heard } from './advertising.ts';
import { type Typed, variant } from './dbus.ts';

/** What is known of a device before it says anything. */
export function firstProperties(known: {
  address: string;
  addressType: string;
  adapterPath: string;
  name?: string | undefined;
}): Record<string, Typed> {
  const { address, addressType, adapterPath, name } = known;
  return {
    Address: ['s', address],
    AddressType: ['s', addressType],
    ...(name === undefined ? {} : { Name: ['s', name] as const }),
    Alias: ['s', name ?? dashed(address)],
    Paired: ['b', false],
    Bonded: ['b', false],
    Trusted: ['b', false],
    Blocked: ['b', false],
    LegacyPairing: ['b', false],
    Connected: ['b', false],
    UUIDs: ['as', []],
    Adapter: ['o', adapterPath],
    ServicesResolved: ['b', false],
  };
}

/**
 * The properties that a frame changes, but for the signal strength; `get` tells their values before it.
 * `resolved`: the services are known from the device itself, and what is advertised of them counts no more.
 */
export function changedByFrame(
  heard: Heard,
  get: (property: string) => unknown,
  { duplicates, resolved }: { duplicates: boolean; resolved: boolean },
): Record<string, Typed> {
  const changed: Record<string, Typed> = {};
  const unless = (property: string, signature: string, value: unknown) => {
    if (value !== undefined && value !== get(property)) changed[property] = [signature, value];
  };
  unless('TxPower', 'n', heard.txPower);
  unless('Appearance', 'q', heard.appearance);
  unless('Name', 's', heard.name);
  // The alias is the name until somebody gives another.
  const isOwn = get('Alias') === (get('Name') ?? dashed(String(get('Address'))));
  if (changed.Name && isOwn) changed.Alias = changed.Name;
  const known = (get('UUIDs') as string[] | undefined) ?? [];
  const fresh = heard.uuids.filter((uuid) => !known.includes(uuid));
  if (fresh.length > 0 && !resolved) changed.UUIDs = ['as', [...known, ...new Set(fresh)]];
  const company = merged(get('ManufacturerData'), heard.manufacturerData, duplicates);
  if (company) changed.ManufacturerData = ['a{qv}', company];
  const service = merged(get('ServiceData'), heard.serviceData, duplicates);
  if (service) changed.ServiceData = ['a{sv}', service];
  return changed;
}

type Dict = Record<string, ReturnType<typeof variant>>;

/**
 * The dictionary after this frame, or nothing where it is not signalled. With `duplicates` it holds what
 * this frame says and is always signalled; without, it collects and is signalled where something is new.
 */
function merged(
  before: unknown,
  said: Map<string | number, Buffer> | undefined,
  duplicates: boolean,
): Dict | undefined {
  if (!said) return undefined;
  const kept = (duplicates ? {} : (before ?? {})) as Dict;
  const fresh = [...said].filter(
    ([key, value]) => !value.equals((kept[key]?.value as Buffer | undefined) ?? NONE),
  );
  if (!duplicates && fresh.length === 0) return undefined;
  return { ...kept, ...Object.fromEntries([...said].map(([key, value]) => [key, variant(['ay', value])])) };
}

/** No value is as long: unequal to all. */
const NONE = Buffer.alloc(256);

function dashed(address: string): string {
  return address.replaceAll(':', '-');
}
