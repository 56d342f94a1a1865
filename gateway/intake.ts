import type { Commit } from './commit.ts';
import type { Outcome } from './pipeline/outcome.ts';
import type { Pipeline } from './pipeline/pipeline.ts';
import type { Signal } from './pipeline/signal.ts';

/** Signals that wait while the disk refuses; more are refused, which ends their connections. */
const MAX_PARKED = 20_000;

/**
 * The one door into the pipeline. `done` is called once what the signal changed is on disk. While the
 * disk refuses, signals wait before the pipeline, in order, so that its memory never runs ahead of
 * the disk by more than the batch that is being tried again.
 */
export type Intake = (
  signal: Signal,
  done: (outcome: Outcome) => void,
  refuse: (error: Error) => void,
) => void;

export function createIntake(pipeline: Pipeline, commit: Commit): Intake {
  let parked = 0;
  const enter: Intake = (signal, done, refuse) => {
    if (!commit.failing()) {
      const outcome = pipeline.accept(signal);
      return commit.add(outcome, () => done(outcome));
    }
    if (parked >= MAX_PARKED) return refuse(new Error('the disk refuses and too much waits already'));
    parked += 1;
    commit.whenHealthy(() => {
      parked -= 1;
      enter(signal, done, refuse);
    });
  };
  return enter;
}
