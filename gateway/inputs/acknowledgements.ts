/** At most so many messages of one connection wait for the disk, and so many octets of them. */
const MAX_WAITING = 4_096;
const MAX_WAITING_OCTETS = 1024 * 1024;
/** So many are a crowd: the connection is not to be read meanwhile. What it said already still fits. */
const CROWD = 1_024;
const CROWD_OCTETS = 256 * 1024;

/** Ends a piece of work: with an error where it is refused. */
export type Settle = (refused?: Error) => void;

/**
 * One connection's acknowledgements, in the order of arrival (MQTT-4.6.0-2): a message is answered
 * when it and all before it are settled. After a refusal nothing later of the connection is taken,
 * or it would be acknowledged although an earlier one was not.
 */
export interface Acknowledgements {
  /**
   * `take` begins the work and calls back when it is settled; `answer` then tells the client.
   * Too much that waits is a refusal like any other: it ends the connection, and the device sends again.
   */
  add(octets: number, take: (settled: Settle) => void, answer: Settle): void;
  /** So much waits that no more of it should be read. */
  isCrowded(): boolean;
  /** The connection is gone: nothing is answered any more. */
  close(): void;
}

interface Waiting {
  octets: number;
  answer: Settle;
  result?: { refused?: Error };
}

export function acknowledgements(): Acknowledgements {
  const waiting: Waiting[] = [];
  let octets = 0;
  let refusing = false;

  function drain(): void {
    while (waiting[0]?.result) {
      const { answer, result, octets: size } = waiting.shift() as Required<Waiting>;
      octets -= size;
      if (result.refused) waiting.length = 0;
      answer(result.refused);
    }
  }

  function isTooMuch(): boolean {
    return waiting.length > MAX_WAITING || octets > MAX_WAITING_OCTETS;
  }

  return {
    add(size, take, answer) {
      if (refusing) return;
      const entry: Waiting = { octets: size, answer };
      waiting.push(entry);
      octets += size;
      const settled: Settle = (refused) => {
        entry.result = refused ? { refused } : {};
        if (refused) refusing = true;
        drain();
      };
      if (isTooMuch()) settled(new Error(`${waiting.length} messages wait already`));
      else take(settled);
    },
    isCrowded: () => waiting.length > CROWD || octets > CROWD_OCTETS,
    close() {
      refusing = true;
      waiting.length = 0;
    },
  };
}
