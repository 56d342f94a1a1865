import { MOST_AT_ONCE, type Uplink } from './uplink.ts';

/**
 * A `send` for lines of every speed: what is not answered in time halves the batches that follow, so that a
 * slow line brings a little instead of nothing; each success doubles them. Events beyond are left for later.
 */
export function bearable(send: Uplink['send'], deadline: number): Uplink['send'] {
  let most = MOST_AT_ONCE;
  return async (events, signal) => {
    const first = events.slice(0, most);
    const startedAt = performance.now();
    try {
      const delivery = await send(first, signal);
      most = Math.min(MOST_AT_ONCE, 2 * most);
      return delivery;
    } catch (error) {
      if (performance.now() - startedAt >= deadline) most = Math.max(1, Math.floor(first.length / 2));
      throw error;
    }
  };
}
