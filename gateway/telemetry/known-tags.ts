import type { Config } from '../config.ts';

/**
 * Whether a tag's value stands in `aisle.yaml`: an id of a device, zone or receiver, or the number of a slot. What
 * somebody carries has no such id, so nothing of anybody becomes a series, whoever made the point (R1); and there are
 * no more series than the configuration has ids.
 */
export function knownTags({ devices, map }: Pick<Config, 'devices' | 'map'>): (value: string) => boolean {
  const ids = [...devices, ...map.zones, ...map.receivers].map(({ id }) => id);
  const slots = map.fixtures.flatMap(({ slots }) => slots.map(({ slot }) => String(slot)));
  const known = new Set([...ids, ...slots]);
  return (value) => known.has(value);
}
