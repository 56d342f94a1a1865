import { type Adapter, adapterAddress, adapterName, readAdapter } from '../adapter.ts';
import { noAdapter, noAdapterAt, noblesAdapter } from '../radio-problems.ts';
import type { SeenAdapter } from './adapters.ts';
import type { BluezBus, BusSession } from './bus.ts';

/** An adapter wherever it is: its name is the kernel's number, which the next boot or re-plug gives to another. */
export interface AdapterAddress {
  kind: 'address';
  /** Upper case, colons. */
  address: string;
}

/** Which adapter of bluetoothd's is meant. */
export type WantedAdapter = Adapter | AdapterAddress;

/** Reads `hci0` …, or `AA:BB:CC:DD:EE:FF` in any case. Throws with what is expected. */
export function readWantedAdapter(text: string): WantedAdapter {
  const address = adapterAddress(text);
  if (address !== undefined) return { kind: 'address', address };
  const adapter = readAdapter(text);
  if (adapter.kind === 'local') return adapter;
  throw new Error(
    'inputs.radio.adapter: BlueZ has adapters of this machine only: hci0, hci1 …, or an address AA:BB:CC:DD:EE:FF',
  );
}

/** As the configuration has it, for people. */
export function wantedName(wanted: WantedAdapter): string {
  return wanted.kind === 'address' ? wanted.address : adapterName(wanted);
}

/** Where the adapter is now: by its name always there, whether bluetoothd has it or not. */
export type Whereabouts = AdapterPlace | { why: string; isNobles?: true };

/** Where it was when it was asked. */
export interface AdapterPlace {
  path: string;
  /** For people. */
  name: string;
  /** Whether it has not left since: its path may be another adapter's by then. */
  isStill(): boolean;
}

export function whereIs(session: BusSession, wanted: WantedAdapter): Whereabouts {
  if (wanted.kind !== 'address') {
    const name = adapterName(wanted);
    return { path: `/org/bluez/${name}`, name, isStill: () => true };
  }
  const found = seenAt(session, wanted.address);
  if (!found) return { why: whyAbsent(session, wanted) };
  if (found.name === session.nobles) return { why: noblesAdapter(found), isNobles: true };
  return {
    path: found.path,
    name: `${found.address} (${found.name})`,
    isStill: () => seenAt(session, wanted.address) === found,
  };
}

/** Of two with one address, as some makers give them, the one that came first. */
export function seenAt({ adapters }: BusSession, wanted: string): SeenAdapter | undefined {
  return adapters.list().find(({ address }) => address === wanted);
}

/** Why there is no such adapter, in a sentence. */
export function whyAbsent({ adapters }: BusSession, wanted: WantedAdapter): string {
  return wanted.kind === 'address'
    ? noAdapterAt(wanted.address, adapters.list())
    : noAdapter(adapterName(wanted));
}

/**
 * Rejects where the adapter is the one that noble has, as far as bluetoothd can tell within `ms`: an address names it
 * only while it is there. Where it is found so later, each link is refused with the same sentence.
 */
export async function refuseNobles(bus: BluezBus, wanted: WantedAdapter, ms: number): Promise<void> {
  if (wanted.kind !== 'address') return;
  let unfollow = () => {};
  let timer: NodeJS.Timeout | undefined;
  const session = await new Promise<BusSession | undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
    unfollow = bus.follow({
      onSession: resolve,
      onNone: (why) => why !== undefined && resolve(undefined),
    });
  });
  clearTimeout(timer);
  unfollow();
  const at = session && whereIs(session, wanted);
  if (at && 'isNobles' in at) throw new Error(`inputs.radio.gatt.adapter: ${at.why}`);
}
