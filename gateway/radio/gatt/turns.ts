/** One connection attempt at a time on an adapter: two at once make each other fail. */
export interface GattTurns {
  /**
   * Runs `work` when it is its turn; who has a command waiting goes before those that only want a reading.
   * `isUrgent` is asked when a turn is given: a command can come to one that already waits.
   */
  take<T>(work: () => Promise<T>, isUrgent: () => boolean): Promise<T>;
}

interface Turn {
  work(): Promise<void>;
  isUrgent(): boolean;
}

export function gattTurns(): GattTurns {
  const waiting: Turn[] = [];
  let isBusy = false;

  function next(): Turn | undefined {
    const urgent = waiting.findIndex(({ isUrgent }) => isUrgent());
    return waiting.splice(Math.max(urgent, 0), 1)[0];
  }

  async function go(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    for (let turn = next(); turn; turn = next()) await turn.work();
    isBusy = false;
  }

  return {
    take: (work, isUrgent) =>
      new Promise((resolve, reject) => {
        waiting.push({ work: () => work().then(resolve, reject), isUrgent });
        void go();
      }),
  };
}
