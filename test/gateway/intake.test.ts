import { describe, expect, it } from 'vitest';
import type { Commit } from '../../gateway/commit.ts';
import { createIntake, type Doorkeeper } from '../../gateway/intake.ts';
import { LEVELS, type Level } from '../../gateway/outbox/room.ts';
import { emptyOutcome, type Outcome } from '../../gateway/pipeline/outcome.ts';
import type { Pipeline } from '../../gateway/pipeline/pipeline.ts';
import type { Signal } from '../../gateway/pipeline/signal.ts';

/** A pipeline that notes what entered, and a disk that refuses as long as the test says. */
function shop(doorkeeper?: Doorkeeper) {
  const entered: number[] = [];
  const disk = { failing: false, waiting: [] as (() => void)[] };
  const pipeline = {
    accept: (signal: Signal) => {
      entered.push(signal.at);
      return emptyOutcome();
    },
  } as unknown as Pipeline;
  const commit: Commit = {
    add: (_outcome: Outcome, done: () => void) => done(),
    failing: () => disk.failing,
    whenHealthy: (resume) => void disk.waiting.push(resume),
    counts: () => ({ refusals: 0, recoveries: 0 }),
    whenTried: () => {},
    doubt: () => {},
    close: () => {},
  };
  const recover = () => {
    disk.failing = false;
    for (const resume of disk.waiting.splice(0)) resume();
  };
  return { entered, disk, recover, enter: createIntake(pipeline, commit, doorkeeper) };
}

const tick = (at: number): Signal => ({ kind: 'tick', at });

describe('the intake', () => {
  it('lets no signal into the pipeline while the disk refuses, and then all of them in order', () => {
    const { entered, disk, recover, enter } = shop();
    const done: number[] = [];
    disk.failing = true;
    for (const at of [1, 2, 3])
      enter(
        tick(at),
        () => done.push(at),
        () => {},
      );
    expect([entered, done]).toEqual([[], []]);
    recover();
    expect([entered, done]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  it('refuses what comes when too much waits already, and takes again after it has drained', () => {
    const { disk, recover, enter } = shop();
    disk.failing = true;
    const refused: string[] = [];
    for (let at = 0; at < 20_001; at++)
      enter(
        tick(at),
        () => {},
        (error) => refused.push(error.message),
      );
    expect(refused).toHaveLength(1);
    recover();
    let taken = false;
    enter(
      tick(30_000),
      () => (taken = true),
      () => {},
    );
    expect(taken).toBe(true);
  });

  it('keeps waiting signals in order where the disk refuses again half-way', () => {
    const { entered, disk, enter } = shop();
    disk.failing = true;
    for (const at of [1, 2, 3])
      enter(
        tick(at),
        () => {},
        () => {},
      );
    disk.failing = false;
    const resumes = disk.waiting.splice(0);
    resumes[0]?.();
    disk.failing = true;
    resumes[1]?.();
    resumes[2]?.();
    disk.failing = false;
    for (const resume of disk.waiting.splice(0)) resume();
    expect(entered).toEqual([1, 2, 3]);
  });
});

describe('P4, P5: what there is no room for', () => {
  const room = (level: Level): Doorkeeper['room'] => ({
    measure: () => {},
    state: () => ({ bytes: 0, limit: 1, level }),
    is: (wanted) => LEVELS.indexOf(level) >= LEVELS.indexOf(wanted),
  });
  const message = (topic: string): Signal => ({
    kind: 'message',
    topic,
    device: 'd',
    payload: new Uint8Array(),
    at: 1,
  });
  const classes = new Map([
    ['consent', 'A'],
    ['press', 'B'],
    ['climate', 'C'],
  ] as const);
  const signals: [string, Signal][] = [
    ...[...classes.keys(), 'noise'].map((topic): [string, Signal] => [topic, message(topic)]),
    ['tick', tick(1)],
    ['erasure', { kind: 'erase', at: 1, subjectRef: 'p_1' }],
  ];
  const classOf: Doorkeeper['classOf'] = ({ topic }) => classes.get(topic as 'press');

  it.each([
    ['roomy', []],
    ['shedding', []],
    ['reserved', ['press']],
    ['full', ['consent', 'press', 'climate', 'tick']],
  ] as const)('is refused by its class before the pipeline, at "%s": %j', (level, expected) => {
    const refused: string[] = [];
    const { entered, enter } = shop({ room: room(level), classOf });
    for (const [name, signal] of signals) {
      enter(
        signal,
        () => {},
        () => refused.push(name),
      );
    }
    expect(refused).toEqual(expected);
    expect(entered).toHaveLength(signals.length - expected.length);
  });

  it('waits for a disk that refuses with no more than 32 MiB', () => {
    const { disk, enter } = shop();
    disk.failing = true;
    let refused = 0;
    for (let n = 0; n < 600; n += 1) {
      const large: Signal = { ...message('press'), payload: new Uint8Array(64 * 1024) } as Signal;
      enter(
        large,
        () => {},
        () => (refused += 1),
      );
    }
    expect(refused).toBe(600 - 512);
  });
});
