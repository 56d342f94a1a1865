import { addDevices, DEVICES_AT_ONCE } from './command.ts';
import { chunks, eachOf } from './waiting.ts';

/** Each device gets a secret of its own by `aisle devices add`. */
export interface Enrolment {
  /** The first one alone: it makes the gateway's data folder. */
  begin(): Promise<void>;
  /** All others, beside the gateway that runs by then. */
  goOn(): Promise<void>;
}

/** Commands at a time: each keeps a core busy for a second. */
const COMMANDS = 2;

export function enrolment(parts: {
  config: string;
  devices: readonly string[];
  give(device: string, secret: string): void;
  /** So many devices have their secret. */
  enrolled(count: number, of: number): void;
  ended: AbortSignal;
}): Enrolment {
  const { config, devices, give, enrolled, ended } = parts;
  const [first = '', ...others] = devices;
  let count = 0;

  async function enrol(some: readonly string[]): Promise<void> {
    if (ended.aborted) return;
    const secrets = await addDevices(config, some);
    if (ended.aborted) return;
    for (const [device, secret] of secrets) give(device, secret);
    count += secrets.size;
    enrolled(count, others.length + 1);
  }
  return {
    begin: () => enrol([first]),
    goOn: () => eachOf(chunks(others, DEVICES_AT_ONCE), COMMANDS, enrol),
  };
}
