import type { Config } from '../../gateway/config.ts';
import { isDiskRefusing } from '../../gateway/database.ts';
import { type Disk, simulatedDisk } from './disk.ts';
import type { Listener } from './network.ts';
import { beginRun, type Life, type Run, type RunParts } from './run.ts';
import { shopBroker } from './shop-broker.ts';
import { MINUTE, SECOND } from './world.ts';

export interface BoxParts extends Omit<RunParts, 'logged'> {
  config: () => Config;
  /** A run begins, after what the last one left was read. */
  began: (run: Run) => void;
  /** What can be read of the box: an image of its disk between two runs, a line of its log. */
  found: (octets: Buffer) => void;
  diskLies?: boolean | undefined;
}

/** The box in the shop: one run after another on the same disk. */
export interface Box extends Listener {
  disk: Disk;
  run(): Run | undefined;
  switchOn(): void;
  /** The plug is pulled: nothing starts it until it is switched on again. */
  switchOff(): void;
  /** Ends at once; with `down`, the service manager starts it again after so long, ms. */
  crash(how: 'kill' | 'power', down?: number): void;
  /** Ends as it should, calls back, and starts again: a restart after a change of configuration. */
  restart(meanwhile: () => void): void;
  starts(): number;
}

/** The service manager tries again after so long, ms. */
const RESTART_AFTER = 5 * SECOND;

export function createBox(parts: BoxParts): Box {
  const { world } = parts;
  const { time } = world;
  const random = world.draws('box');
  const disk = simulatedDisk({ world, died: (point) => die(`at ${point}`), lies: parts.diskLies });
  let running: ReturnType<typeof begin> | undefined;
  /** Of the last run that began, as far as it came. */
  let life: Life = { isAlive: false, isOpen: false };
  let isPowered = false;
  let starts = 0;

  function begin() {
    const mine: Life = { isAlive: true, isOpen: true };
    life = mine;
    const config = parts.config();
    const { run, close } = beginRun({ ...parts, logged }, config, disk.open(), mine, random);
    return { run, close, life: mine, broker: shopBroker(world, run, config.devices) };
  }

  /** What the box says of itself is searched like its disk. */
  function logged(line: string): void {
    parts.found(Buffer.from(line));
    world.trace(() => `the box: ${line.trim()}`);
  }

  /** The run is over here and now; what is to be done about it, after this moment's work. */
  function die(why: string): void {
    life.isAlive = false;
    world.trace(() => `the box dies ${why}`);
    const [how, down] = [random.pick(['kill', 'power'] as const), random.between(SECOND, 5 * MINUTE)];
    time.after(0, () => {
      leave(how);
      time.after(down, start);
    });
  }

  function leave(how: 'kill' | 'power'): void {
    running?.broker.end();
    running = undefined;
    parts.found(disk.cut(how));
  }

  function start(): void {
    if (running || life.isAlive || !isPowered) return;
    starts += 1;
    world.trace(() => 'the box starts');
    try {
      running = begin();
    } catch (error) {
      return failedToStart(error as Error);
    }
    if (running.life.isAlive) parts.began(running.run);
  }

  function failedToStart(error: Error): void {
    if (!isDiskRefusing(error)) throw error;
    // What died at its start is seen to already.
    if (!life.isAlive) return;
    life.isAlive = false;
    world.trace(() => `the box does not start: ${error.message}`);
    parts.found(disk.cut('kill'));
    time.after(RESTART_AFTER, start);
  }

  function crash(how: 'kill' | 'power', down?: number): void {
    if (!running?.life.isAlive) return;
    running.life.isAlive = false;
    world.trace(() => `the box ends: ${how}`);
    leave(how);
    if (down !== undefined) time.after(down, start);
  }

  function restart(meanwhile: () => void): void {
    const ending = running;
    const next = () => {
      meanwhile();
      start();
    };
    if (!ending?.life.isAlive) return next();
    world.trace(() => 'the box is told to stop');
    ending.broker.end();
    void ending.close().then(() => {
      if (!ending.life.isAlive) return;
      ending.life.isAlive = false;
      leave('kill');
      next();
    });
  }

  return {
    disk,
    run: () => (running?.life.isAlive ? running.run : undefined),
    connect(client, end) {
      const isThere = running?.life.isAlive && running.life.isOpen;
      return isThere ? running?.broker.connect(client, end) : undefined;
    },
    switchOn() {
      isPowered = true;
      start();
    },
    switchOff() {
      isPowered = false;
      crash('power');
    },
    starts: () => starts,
    crash,
    restart,
  };
}
