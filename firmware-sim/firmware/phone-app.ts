/** The retailer's app on a phone: ranges the shop's fixed beacons and reports what it hears, under its token. */
export interface PhoneApp {
  /** To be called often while its owner is in the shop; `at` is ms, monotonic. */
  tick(at: number): void;
}

export interface HeardBeacon {
  uuid: string;
  major: number;
  minor: number;
  rssi: number;
}

export interface PhoneAppOptions {
  /** 32 hex digits. */
  token: string;
  everyMs: number;
  /** The beacons in reach at this moment. */
  range(): HeardBeacon[];
  isUp(): boolean;
  send(name: 'ranged', fields: { token: string; beacons: HeardBeacon[] }): void;
}

export function phoneApp({ token, everyMs, range, isUp, send }: PhoneAppOptions): PhoneApp {
  let dueAt = Number.NEGATIVE_INFINITY;
  return {
    tick(at) {
      // Where somebody was while nobody listened is of no use to anybody: nothing is kept for later.
      if (at < dueAt || !isUp()) return;
      dueAt = at + everyMs;
      const beacons = range();
      if (beacons.length > 0) send('ranged', { token, beacons });
    },
  };
}
