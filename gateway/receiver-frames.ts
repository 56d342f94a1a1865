import type { Config } from './config.ts';

/**
 * What receivers may send on, by names of `devices/frame-filter.ts`: frames that could be a key of
 * somebody who agreed, or that come from a device of ours. Everything else stops at the radio (R2).
 * Private addresses cannot be told from strangers' there, so they are asked for only where the shop turned
 * that on and somebody (`holdsIrk`) agreed to it.
 */
export function acceptedFrames(config: Config, beaconUuids: readonly string[], holdsIrk = false): string[] {
  const devices = config.devices.flatMap(({ address }) =>
    address === undefined ? [] : [`address:${address}`],
  );
  if (config.mode !== 'identify') return devices;
  const beacons = beaconUuids.map((uuid) => `ibeacon:${uuid}`);
  const addresses = config.recognise.privateAddress && holdsIrk ? ['private-address'] : [];
  return ['eddystone-eid', 'rolling-token', ...beacons, ...addresses, ...devices];
}
