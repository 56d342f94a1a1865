/** Things that have work done on them in turn, a little at a time: where one turn ends the next goes on. */
export interface Rota<T> {
  add(item: T): void;
  delete(item: T): void;
  /**
   * Does `work` on one after another, at most once each, until `limit` is spent (`work` says what it cost) or
   * `LOOKS` were looked at: of more than that it is the next turn's.
   */
  turn(limit: number, work: (item: T) => number): void;
  size(): number;
}

/** Even a look at 100,000 things takes its milliseconds. */
export const LOOKS = 30_000;

export function createRota<T>(): Rota<T> {
  const items = new Set<T>();
  // A set's iterator sees what is added behind it and skips what is deleted, so that it can be kept.
  let next = items.values();

  function following(): T | undefined {
    const item = next.next();
    if (!item.done) return item.value;
    next = items.values();
    return next.next().value;
  }

  return {
    add: (item) => items.add(item),
    delete: (item) => items.delete(item),
    turn(limit, work) {
      let spent = 0;
      for (let left = Math.min(items.size, LOOKS); left > 0 && spent < limit; left--) {
        const item = following();
        if (item === undefined) return;
        spent += work(item);
      }
    },
    size: () => items.size,
  };
}
