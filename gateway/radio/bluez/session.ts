import type { Message } from 'dbus-next';
import { busGone, noBluetoothd, notAnswering, whyNoBluez, whyNoBus } from '../radio-problems.ts';
import { type AdapterList, adapterList } from './adapters.ts';
import type { BusSession } from './bus.ts';
import type { BusError } from './bus-error.ts';
import { busCalls, type Calls } from './calls.ts';
import { type Bluez, connectBluez } from './load-bluez.ts';
import { interfaces, MATCH_RULES, readOwner, readSignal, type SignalFan, signalFan } from './signals.ts';

export interface ConnectionEvents {
  /** bluetoothd is there and answers. */
  onSession(session: BusSession): void;
  /** The bus is there, bluetoothd is not: waits for it. */
  onWaiting(why: string): void;
  /** Once, and the last: the connection is of no use any more. Never before `openConnection` has returned. */
  onOver(why: string): void;
}

export interface ConnectionOptions {
  address?: string | undefined;
  /** Of a call that names no deadline of its own, ms. */
  deadlineMs: number;
  nobles?: string | undefined;
}

/** Goodbyes that still wait to be written are given up after this, ms. */
const GOODBYE_MS = 500;

const DAEMON = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
};

/**
 * One connection to the bus, and at most one session on it. dbus-next tells of a connection's end only on a private
 * emitter, and of its errors to who listens in the very turn in which it was made.
 */
export function openConnection(
  events: ConnectionEvents,
  { address, deadlineMs, nobles }: ConnectionOptions,
): { end(why: string): void } {
  const fan = signalFan();
  const adapters = adapterList();
  const calls = busCalls(deadlineMs, () => end(notAnswering()));
  let bluez: Bluez | undefined;
  let ended = false;
  /** The unique name of bluetoothd; '' while there is none, nothing while it is not known. */
  let owner: string | undefined;

  const end = (why: string): void => {
    if (ended) return;
    ended = true;
    calls.end(why);
    if (bluez) hangUp(bluez);
    events.onOver(why);
  };

  const openSession = (current: Bluez): BusSession =>
    sessionOn(current, calls, { fan, adapters, nobles, isOver: () => ended, abandon: end });

  /** bluetoothd comes once in a connection's life: whatever hangs on one that went is of no use to the next. */
  const owned = (by: string): void => {
    const before = owner;
    owner = by;
    if (before) end(noBluetoothd());
    else if (by === '') events.onWaiting(noBluetoothd());
    else if (bluez) void begin(bluez);
  };

  const begin = async (current: Bluez): Promise<void> => {
    try {
      adapters.know(await openSession(current).objects());
    } catch (error) {
      end(whyNoBluez(error as BusError));
      return;
    }
    if (!ended) events.onSession(openSession(current));
  };

  const ownerNow = async (current: Bluez): Promise<string> => {
    try {
      const question = { ...DAEMON, member: 'GetNameOwner', signature: 's', body: ['org.bluez'] };
      return String((await calls.ask(current, question))[0]);
    } catch (error) {
      if ((error as BusError).type === 'org.freedesktop.DBus.Error.NameHasNoOwner') return '';
      throw error;
    }
  };

  const start = async (current: Bluez): Promise<void> => {
    try {
      await calls.within('Hello', connected(current));
      for (const rule of MATCH_RULES) {
        await calls.ask(current, { ...DAEMON, member: 'AddMatch', signature: 's', body: [rule] });
      }
      const by = await ownerNow(current);
      // Unless a signal was quicker, and knows better.
      if (owner === undefined && !ended) owned(by);
    } catch (error) {
      end(whyNoBus(error as Error, address));
    }
  };

  const onMessage = (message: Message): void => {
    if (ended) return;
    const by = readOwner(message);
    if (by !== undefined) owned(by);
    else if (message.sender === owner) {
      const signal = readSignal(message);
      if (!signal) return;
      adapters.hear(signal);
      fan.hand(signal);
    }
  };

  try {
    bluez = connectBluez(address);
    bluez.bus.on('error', (error: Error) => end(whyNoBus(error, address)));
    bluez.bus.on('message', onMessage);
    bluez.bus._connection.on('end', () => end(busGone()));
    void start(bluez);
  } catch (error) {
    const why = whyNoBus(error as Error, address);
    queueMicrotask(() => end(why));
  }
  return { end };
}

function sessionOn(
  bluez: Bluez,
  calls: Calls,
  connection: {
    fan: SignalFan;
    adapters: AdapterList;
    nobles: string | undefined;
    isOver(): boolean;
    abandon(why: string): void;
  },
): BusSession {
  const { bluetooth, variant } = bluez;
  const call: BusSession['call'] = ({ path, interface: name, member, signature = '', body = [] }, ms) =>
    calls.ask(bluez, { destination: 'org.bluez', path, interface: name, member, signature, body }, ms);
  return {
    bluetooth,
    variant,
    call,
    within: calls.within,
    adapters: connection.adapters,
    scanned: new Set(),
    nobles: connection.nobles,
    isOver: connection.isOver,
    abandon: connection.abandon,
    onSignal: connection.fan.onSignal,
    onObject: connection.fan.onObject,
    async objects(ms) {
      const method = {
        path: '/',
        interface: 'org.freedesktop.DBus.ObjectManager',
        member: 'GetManagedObjects',
      };
      const [boxed] = (await call(method, ms)) as [Record<string, Parameters<typeof interfaces>[0]>];
      return Object.fromEntries(Object.entries(boxed).map(([path, of]) => [path, interfaces(of)]));
    },
    async set(path, { interface: name, name: property, signature, value }, ms) {
      await call(
        {
          path,
          interface: 'org.freedesktop.DBus.Properties',
          member: 'Set',
          signature: 'ssv',
          body: [name, property, variant(signature, value)],
        },
        ms,
      );
    },
  };
}

function connected({ bus }: Bluez): Promise<void> {
  return new Promise((resolve) => bus.once('connect', resolve));
}

/** Ends the stream once what is written has left; it is there a turn after the bus, and may hang on both sides. */
function hangUp({ bus }: Bluez): void {
  bus.removeAllListeners('message');
  const { _connection: connection } = bus;
  const say = (): void => {
    bus.disconnect();
    const stream = connection.stream;
    setTimeout(() => stream?.destroy(), GOODBYE_MS).unref();
  };
  if (connection.stream) say();
  else setImmediate(say);
}
