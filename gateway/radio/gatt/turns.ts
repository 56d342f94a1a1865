/** One connection attempt at a time on an adapter: two at once make each other fail. */
export interface GattTurns {
  /** Runs `work` when it is its turn; who has a command waiting goes before those that only want a reading. */
  take<T>(work: () => Promise<T>, isUrgent: boolean): Promise<T>;
}

export function gattTurns(): GattTurns {
  const urgent: (() => Promise<void>)[] = [];
  const others: (() => Promise<void>)[] = [];
  let isBusy = false;

  async function go(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    for (let next = urgent.shift() ?? others.shift(); next; next = urgent.shift() ?? others.shift())
      await next();
    isBusy = false;
  }

  return {
    take: (work, isUrgent) =>
      new Promise((resolve, reject) => {
        (isUrgent ? urgent : others).push(() => work().then(resolve, reject));
        void go();
      }),
  };
}
