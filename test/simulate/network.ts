import type { World } from './world.ts';

/** What a client hears of its connection. */
export interface ClientEnd {
  /** PUBACK. */
  answered(packet: number): void;
  command(command: string, payload: string): void;
  /** The connection is gone. */
  lost(): void;
}

/** What a client may do with its connection. */
export interface Line {
  publish(packet: number, topic: string, payload: string): void;
  close(): void;
}

/** The broker's end of a connection. */
export interface Session {
  publish(packet: number, topic: string, payload: string): void;
  /** The connection is gone, as far as the broker can tell. */
  gone(): void;
}

/** Who listens in the box; nothing where it does not, or turns the client away. */
export interface Listener {
  connect(client: { device: string; id: string }, end: ClientEnd): Session | undefined;
}

/** How the shop's Wi-Fi is: latency up to so many ms, and how often a connection breaks with a message. */
interface Wifi {
  latencyMs: number;
  breaks: number;
}

/**
 * Connections of the shop's devices. Each carries its octets in order, both ways; when it breaks, what is on
 * its way is lost, and the two ends find out at different times: for a while one end speaks to nobody.
 */
export function network(world: World, listener: Listener) {
  const random = world.draws('network');
  const { time } = world;
  let wifi: Wifi = { latencyMs: 20, breaks: 0 };

  /** One direction: in order, each message some time on its way. */
  function pipe(isOpen: () => boolean) {
    let last = 0;
    return (work: () => void) => {
      last = Math.max(last, time.now() + random.between(1, wifi.latencyMs));
      time.after(last - time.now(), () => isOpen() && work());
    };
  }

  return {
    dial(client: { device: string; id: string }, end: ClientEnd): Line | undefined {
      let isWhole = true;
      let isHeard = true;
      const up = pipe(() => isWhole);
      const down = pipe(() => isWhole && isHeard);
      const tellClient = () => {
        if (!isHeard) return;
        isHeard = false;
        end.lost();
      };
      /** What is under way is lost; the ends find out in their own time. */
      const breakOff = (clientAfter: number, brokerAfter: number) => {
        if (!isWhole) return;
        isWhole = false;
        time.after(clientAfter, tellClient);
        time.after(brokerAfter, () => session?.gone());
      };
      const session = listener.connect(client, {
        answered: (packet) => down(() => end.answered(packet)),
        command: (command, payload) => down(() => end.command(command, payload)),
        lost: () => breakOff(random.between(0, 2_000), 0),
      });
      if (!session) return undefined;
      return {
        publish(packet, topic, payload) {
          if (!isHeard) return;
          up(() => session.publish(packet, topic, payload));
          if (!random.chance(wifi.breaks)) return;
          time.after(random.between(0, 2 * wifi.latencyMs), () => {
            world.trace(() => `${client.id}: the connection breaks`);
            breakOff(random.between(0, 5_000), random.between(0, 60_000));
          });
        },
        close() {
          isHeard = false;
          breakOff(0, random.between(0, 1_000));
        },
      };
    },
    set(how: Wifi) {
      wifi = how;
    },
  };
}

export type Network = ReturnType<typeof network>;
