import { draws } from './luck.ts';
import type { Recording } from './recording.ts';
import type { Expected } from './verdict.ts';

/** So many steps after a failed sync its consequences are looked for. */
const AFTERMATH = 80;

/**
 * Steps after which the power goes, ascending: anywhere, right after something was acknowledged, and, where
 * syncs failed, soon after one of those; as many of each.
 */
export function drawnPlaces({ steps, acknowledged }: Recording, cuts: number, seed: number): number[] {
  const draw = draws(seed);
  const oneOf = (places: readonly number[]) => places[Math.floor(draw() * places.length)] ?? 0;
  const ofLine = new Map(steps.map(({ line }, place) => [line, place]));
  const spoken = acknowledged.map(({ line }) => ofLine.get(line) ?? 0);
  const failed = steps.flatMap((step, place) => (step.is === 'sync' && !step.ok ? [place] : []));
  const aims = [
    () => Math.floor(draw() * steps.length),
    () => oneOf(spoken),
    () => Math.min(steps.length - 1, oneOf(failed) + Math.floor(draw() * AFTERMATH)),
  ].slice(0, failed.length > 0 ? 3 : 2);
  const places = Array.from({ length: cuts }, (_, i) => aims[i % aims.length]?.() ?? 0);
  return places.sort((a, b) => a - b);
}

/** So many messages on either side of the cut are sent once more: fewer than the gateway remembers of a session. */
const SENT_AGAIN = 16;

export function expectedAt({ steps, acknowledged, erased, committed }: Recording, place: number): Expected {
  const { line = 0, at = 0 } = steps[place] ?? {};
  const until = <Said extends { line: number; what: string }>(all: Said[]) =>
    all.filter((one) => one.line <= line).map(({ what }) => what);
  const before = until(acknowledged);
  return {
    acknowledged: before,
    again: acknowledged
      .slice(Math.max(0, before.length - SENT_AGAIN), before.length + SENT_AGAIN)
      .map(({ what }) => what),
    erased: until(erased),
    committed: committed.filter(({ receivedAt }) => receivedAt <= at).map(({ event }) => event),
  };
}
