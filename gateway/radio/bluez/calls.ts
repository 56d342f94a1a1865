import type { MessageLike } from 'dbus-next';
import { BusError, busError } from './bus-error.ts';
import type { Bluez } from './load-bluez.ts';

/** The calls on their way on one connection: each with a deadline, and none after its end. */
export interface Calls {
  /** Sends a method call; resolves with the body of the reply, rejects with a `BusError`. */
  ask(bluez: Bluez, parts: MessageLike, ms?: number): Promise<unknown[]>;
  /** Puts the deadline, and the connection's end, round somebody else's promise. */
  within<T>(what: string, work: Promise<T>, ms?: number): Promise<T>;
  /** Rejects all that wait, and from now on everything. */
  end(why: string): void;
}

/** So many calls in a row without an answer: bluetoothd or the bus hangs. */
const UNANSWERED_CALLS = 3;

/** dbus-next has no deadlines, and never settles the calls of a connection that ended. */
export function busCalls(deadlineMs: number, onHung: () => void): Calls {
  const rejections = new Set<(error: BusError) => void>();
  let ended: string | undefined;
  let unanswered = 0;

  const within: Calls['within'] = (what, work, ms = deadlineMs) => {
    work.catch(() => {});
    if (ended !== undefined) return Promise.reject(new BusError('over', ended));
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(deadline);
        rejections.delete(fail);
      };
      const fail = (error: BusError): void => {
        settle();
        reject(error);
      };
      const late = () => fail(new BusError('deadline', `${what}: no answer within ${ms} ms`));
      const deadline = setTimeout(late, ms);
      rejections.add(fail);
      work.then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => fail(busError(error, what)),
      );
    });
  };
  return {
    within,
    async ask({ bus, message }, parts, ms) {
      if (ended !== undefined) throw new BusError('over', ended);
      const sent = message(parts);
      try {
        const reply = await within(parts.member ?? '', bus.call(sent), ms);
        unanswered = 0;
        return reply?.body ?? [];
      } catch (error) {
        unanswered = (error as BusError).type === 'deadline' ? unanswered + 1 : 0;
        // dbus-next would wait for the answer for ever.
        if (sent.serial !== null) delete bus._methodReturnHandlers[sent.serial];
        if (unanswered >= UNANSWERED_CALLS) onHung();
        throw error;
      }
    },
    end(why) {
      ended = why;
      for (const reject of rejections) reject(new BusError('over', why));
    },
  };
}
