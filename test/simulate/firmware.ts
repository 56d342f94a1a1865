import type { Line, Network } from './network.ts';
import { SECOND, type World } from './world.ts';

/** Messages that a device has under way at most: the gateway knows the last 64 of a `boot`. */
const WINDOW = 12;
/** Without an answer for so long a device gives its connection up, ms. */
const PATIENCE = 30 * SECOND;

/** A message under way, until it is acknowledged. */
interface Waiting {
  boot: string;
  seq: number;
  topic: string;
  payload: string;
  makesEvent: boolean;
}

export interface FirmwareParts {
  world: World;
  network: Network;
  device: string;
  /** The client id; the device's own where it is nobody's in particular. */
  id?: string;
  /** Acknowledged, and makes an event by itself. */
  acknowledged: (cause: string) => void;
  command?: (command: string, payload: string, say: Firmware['say']) => void;
}

/** A device: what it says is kept until it is acknowledged, and said again, in order, on the next connection. */
export interface Firmware {
  /** `makesEvent`: the gateway has to make an event of this message alone. */
  say(message: string, body: object, makesEvent?: boolean): void;
  /** Starts anew, under a new `boot`; what waits is in flash, or it is lost. */
  reboot(keeps: boolean): void;
  /** From here on it is away, with its connection. */
  off(): void;
  waiting(): number;
}

export function firmware(parts: FirmwareParts): Firmware {
  const { world, network, device, id = device } = parts;
  const { time } = world;
  const random = world.draws(`firmware ${id}`);
  const newBoot = () => Buffer.from(random.octets(4)).toString('hex');
  let boot = newBoot();
  let seq = 0;
  let queue: Waiting[] = [];
  let line: Line | undefined;
  /** Sent on this connection, by packet, in order. */
  let unanswered: { packet: number; message: Waiting }[] = [];
  let packet = 0;
  let sent = 0;
  let failures = 0;
  let isOn = true;
  let isDialling = false;
  let connection = 0;

  function dialSoon(): void {
    if (isDialling || line || !isOn) return;
    isDialling = true;
    const longest = Math.min(120 * SECOND, SECOND * 2 ** Math.min(failures, 10));
    time.after(random.between(0.1, 1) * longest, dial);
  }

  function dial(): void {
    isDialling = false;
    if (!isOn || line) return;
    connection += 1;
    const mine = connection;
    const isMine = (work: () => void) => {
      if (mine === connection) work();
    };
    [unanswered, sent] = [[], 0];
    line = network.dial(
      { device, id },
      {
        answered: (which) => isMine(() => answered(which)),
        command: (name, payload) => isMine(() => parts.command?.(name, payload, say)),
        lost: () => isMine(lost),
      },
    );
    failures = line ? 0 : failures + 1;
    if (line) pump();
    // Nothing to say: it comes back when there is.
    else if (queue.length > 0 || parts.command) dialSoon();
  }

  function pump(): void {
    while (line && sent < Math.min(queue.length, WINDOW)) {
      const message = queue[sent];
      if (!message) break;
      sent += 1;
      send(message);
      // Some stacks send again on the same connection too.
      if (random.chance(0.01)) send(message);
    }
  }

  function send(message: Waiting): void {
    packet += 1;
    unanswered.push({ packet, message });
    world.trace(() => `${id} publishes ${message.boot}/${message.seq} ${message.topic} ${message.payload}`);
    line?.publish(packet, message.topic, message.payload);
    const [mine, which] = [connection, packet];
    time.after(PATIENCE, () => {
      if (mine === connection && unanswered.some((one) => one.packet === which)) giveUp();
    });
  }

  function answered(which: number): void {
    const first = unanswered.shift();
    // MQTT-4.6.0-2
    if (first?.packet !== which) {
      world.broken(`${id}: packet ${which} was acknowledged before ${first?.packet}`);
      return;
    }
    const { message } = first;
    world.left(`ack ${id} ${message.boot}/${message.seq}`);
    world.trace(() => `${id} has the acknowledgement of ${message.boot}/${message.seq}`);
    const place = queue.indexOf(message);
    if (place >= 0) {
      queue.splice(place, 1);
      sent -= 1;
      if (message.makesEvent) parts.acknowledged(`${device}/${message.boot}/${message.seq}`);
    }
    pump();
  }

  function giveUp(): void {
    line?.close();
    lost();
  }

  function lost(): void {
    line = undefined;
    connection += 1;
    if (queue.length > 0 || parts.command) dialSoon();
  }

  function say(message: string, body: object, makesEvent = false): void {
    seq += 1;
    const payload = JSON.stringify({ boot, seq, ...body });
    queue.push({ boot, seq, topic: `devices/${device}/${message}`, payload, makesEvent });
    if (line) pump();
    else dialSoon();
  }

  return {
    say,
    reboot(keeps) {
      world.trace(() => `${id} starts anew${keeps ? '' : ' and has forgotten what waited'}`);
      boot = newBoot();
      seq = 0;
      if (!keeps) queue = [];
      giveUp();
    },
    off() {
      isOn = false;
      giveUp();
    },
    waiting: () => queue.length,
  };
}
