import mqtt from 'mqtt';
import type { IssuedSecret } from '../../../gateway/cli/devices.ts';

/** One press of a device while the backlog drains. */
export interface LivePress {
  cause: string;
  /** ms since the epoch. */
  publishedAt: number;
  /** From publish to PUBACK, ms. */
  acknowledgedMs: number;
}

export interface LiveLoad {
  /** Waits for what is on its way; every press, oldest first. */
  stop(): Promise<LivePress[]>;
}

/** Real MQTT clients that press so many times a second together, whatever the answers take. */
export async function liveLoad(
  port: number,
  secrets: readonly IssuedSecret[],
  perSecond: number,
): Promise<LiveLoad> {
  const clients = await Promise.all(
    secrets.map(({ id, secret }) =>
      mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, {
        clientId: id,
        username: id,
        password: secret,
        protocolVersion: 4,
      }),
    ),
  );
  const boot = process.pid.toString(16);
  const presses: LivePress[] = [];
  const underWay = new Set<Promise<void>>();
  let due = performance.now();
  let seq = 0;

  async function press(n: number): Promise<void> {
    const i = n % clients.length;
    const id = secrets[i]?.id ?? '';
    const one = { cause: `${id}/${boot}/${n}`, publishedAt: Date.now(), acknowledgedMs: Infinity };
    presses.push(one);
    const payload = JSON.stringify({ button: 1, press: 'press', boot, seq: n });
    const from = performance.now();
    await clients[i]?.publishAsync(`devices/${id}/pressed`, payload, { qos: 1 });
    one.acknowledgedMs = performance.now() - from;
  }

  const timer = setInterval(() => {
    for (; due <= performance.now(); due += 1_000 / perSecond) {
      seq += 1;
      const pressing = press(seq);
      underWay.add(pressing);
      pressing.finally(() => underWay.delete(pressing));
    }
  }, 2);

  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
      await Promise.all(clients.map((client) => client.endAsync(true)));
      return presses;
    },
  };
}

/** Percentiles of how long these presses waited for their PUBACK, ms. */
export function pubackMs(presses: readonly LivePress[]): ReturnType<typeof spread> {
  return spread(presses.map(({ acknowledgedMs }) => acknowledgedMs));
}

/** Percentiles of so many numbers. */
export function spread(values: readonly number[]): { p50: number; p99: number; max: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
