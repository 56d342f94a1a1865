import type { Config } from './config.ts';

/**
 * What receivers may send on, by names of `devices/frame-filter.ts`: frames that could be a key of
 * somebody who agreed, or that come from a device of ours. Everything else stops at the radio (R2).
 */
export function acceptedFrames(config: Config, beaconUuids: readonly string[]): string[] {
  const devices = config.devices.flatMap(({ address }) =>
    address === undefined ? [] : [`address:${address}`],
  );
  if (config.mode !== 'identify') return devices;
  return ['eddystone-eid', 'rolling-token', ...beaconUuids.map((uuid) => `ibeacon:${uuid}`), ...devices];
}
