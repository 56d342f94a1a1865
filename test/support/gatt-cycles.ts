import type { EventEmitter } from 'node:events';
import { eq3 } from '../../devices/gatt/eq-3.ts';
import type { BluezBus, BusSession } from '../../gateway/radio/bluez/bus.ts';
import { bluezPeer } from '../../gateway/radio/bluez/peer.ts';
import { heldHeap } from './held-heap.ts';
import type { MockBluez } from './mock-bluez.ts';
import { until } from './until.ts';

/** What is held at one moment, in this process and on the bus. */
export interface Held {
  cycles: number;
  /** Listeners for signals in dbus-next, and the match rules that it keeps for them. */
  listeners: number;
  ownRules: number;
  /** Rules at the daemon, of all connections. */
  matchRules: number;
  /** Notify sessions and objects at bluetoothd. */
  notifying: number;
  objects: number;
  heapMiB: number;
}

/** dbus-next's own books. */
interface Books {
  _signals: EventEmitter;
  _methodReturnHandlers: object;
  _matchRules: object;
}

const ASK = { year: 2026, month: 11, day: 22, hour: 9, minute: 0, second: 0 };

/** Connects to the eQ-3 at `address`, has it say its status, and lets go, `cycles` times; `dropEvery` nth link is lost. */
export async function gattCycles(
  { mock, bus, address }: { mock: MockBluez; bus: BluezBus; address: string },
  { cycles, lookEvery, dropEvery }: { cycles: number; lookEvery: number; dropEvery: number },
  onHeld: (held: Held) => void,
): Promise<void> {
  let session: BusSession | undefined;
  const unfollow = bus.follow({
    onSession(next) {
      session = next;
    },
    onNone() {},
  });
  const peer = bluezPeer({ bus, adapter: 'hci0', address: address.toLowerCase(), isScanned: false });
  const [source] = eq3.notifies;
  if (!source || !eq3.ask) throw new Error('the profile has no notification');

  for (let cycle = 1; cycle <= cycles; cycle += 1) {
    const link = await peer.connect(20_000);
    let tell: (bytes: Uint8Array) => void = () => {};
    const said = new Promise<Uint8Array>((resolve, reject) => {
      tell = resolve;
      link.onDrop(reject);
    });
    said.catch(() => {});
    await link.subscribe(source.from, (bytes) => tell(bytes));
    if (dropEvery > 0 && cycle % dropEvery === 0) {
      await mock.order({ order: 'drop', address });
      await said.catch(() => {});
    } else {
      await link.write(eq3.ask.to, eq3.ask.encode(ASK));
      await session?.within('its status', said);
    }
    await link.close();
    if (cycle % lookEvery === 0 && session) onHeld(await held(mock, session, cycle));
  }
  await peer.close();
  unfollow();
}

async function held(mock: MockBluez, { bluetooth }: BusSession, cycles: number): Promise<Held> {
  const { dbus } = bluetooth as typeof bluetooth & { dbus: EventEmitter & Books };
  // What the end of the last link set going.
  await until(() => Object.keys(dbus._methodReturnHandlers).length === 0, 'the last answers');
  const { matchRules, notifying, objects } = await mock.counts();
  return {
    cycles,
    listeners: listenersOf(dbus) + listenersOf(dbus._signals),
    ownRules: Object.keys(dbus._matchRules).length,
    matchRules: Object.values(matchRules).reduce((sum, rules) => sum + rules, 0),
    notifying,
    objects,
    heapMiB: Math.round((heldHeap() / 2 ** 20) * 100) / 100,
  };
}

function listenersOf(emitter: EventEmitter): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);
}
