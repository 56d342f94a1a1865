/** At most so many messages of one connection wait for the disk; more end the connection. */
const MAX_WAITING = 1_000;

type Settle = (refused?: Error) => void;

/**
 * One connection's acknowledgements, in the order of arrival (MQTT-4.6.0-2): a message is answered
 * when it and all before it are settled. After a refusal nothing later of the connection is taken,
 * or it would be acknowledged although an earlier one was not.
 */
export interface Acknowledgements {
  /** `take` begins the work and calls back when it is settled; `answer` then tells the client. */
  add(take: (settled: Settle) => void, answer: Settle): void;
  /** The connection is gone: nothing is answered any more. */
  close(): void;
}

interface Waiting {
  answer: Settle;
  result?: { refused?: Error };
}

export function acknowledgements(): Acknowledgements {
  const waiting: Waiting[] = [];
  let closed = false;

  function drain(): void {
    while (!closed && waiting[0]?.result) {
      const { answer, result } = waiting.shift() as Required<Waiting>;
      if (result.refused) closed = true;
      answer(result.refused);
    }
  }

  return {
    add(take, answer) {
      const isRefused = waiting.some(({ result }) => result?.refused);
      if (closed || isRefused) return;
      const entry: Waiting = { answer };
      waiting.push(entry);
      const settled: Settle = (refused) => {
        entry.result = refused ? { refused } : {};
        drain();
      };
      if (waiting.length > MAX_WAITING) settled(new Error(`${MAX_WAITING} messages wait already`));
      else take(settled);
    },
    close() {
      closed = true;
      waiting.length = 0;
    },
  };
}
