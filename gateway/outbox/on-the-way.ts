/** Positions of the events that uplinks have, and have not answered for. In memory: a start forgets them. */
export interface OnTheWay {
  /** Of one uplink; nothing for one that is not configured. */
  of(uplink: string): Set<number> | undefined;
  /** On its way to any uplink. */
  has(position: number): boolean;
  /** Tells whoever has one of them to let go of it. */
  recall(positions: readonly number[]): void;
  whenRecalled(listener: (positions: ReadonlySet<number>) => void): void;
}

export function onTheWayTo(uplinks: readonly string[]): OnTheWay {
  const byUplink = new Map(uplinks.map((uplink) => [uplink, new Set<number>()]));
  const listeners: ((positions: ReadonlySet<number>) => void)[] = [];
  return {
    of: (uplink) => byUplink.get(uplink),
    has(position) {
      for (const positions of byUplink.values()) if (positions.has(position)) return true;
      return false;
    },
    recall(positions) {
      if (positions.length === 0) return;
      for (const listener of listeners) listener(new Set(positions));
    },
    whenRecalled: (listener) => void listeners.push(listener),
  };
}
