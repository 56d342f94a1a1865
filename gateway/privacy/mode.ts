import type { Config } from '../config.ts';

export type Mode = Config['mode'];

const STRICTEST_FIRST: readonly Mode[] = ['off', 'anonymous', 'identify'];

/** What this configuration can come to at most: `identify` without a notice falls back (R28). */
export function modeOf(config: Config): Mode {
  return config.mode === 'identify' && !config.store.notice ? 'anonymous' : config.mode;
}

/** Areas with a mode of their own, stricter than the shop's, and areas of which nothing personal is told. */
export function exceptionsOf(config: Config): { zone: string; mode: Mode; sensitive: boolean }[] {
  const shop = modeOf(config);
  return config.map.zones.flatMap(({ id, name, mode = shop, sensitive }) => {
    const own = stricter(mode, shop);
    return own !== shop || sensitive ? [{ zone: name ?? id, mode: own, sensitive }] : [];
  });
}

function stricter(a: Mode, b: Mode): Mode {
  return STRICTEST_FIRST.indexOf(a) < STRICTEST_FIRST.indexOf(b) ? a : b;
}
