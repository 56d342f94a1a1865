import { gattProfiles } from '../../../devices/gatt/index.ts';
import type { Config } from '../../config.ts';
import type { GattConfig } from '../radio.ts';

/** The GATT thermostats of a configuration; it has seen to it that what they need is there. */
export function configuredThermostats({ devices, store }: Config): GattConfig {
  const thermostats = devices.flatMap(({ id, kind, address, model, credentialFile }) => {
    const profile = gattProfiles.get(model ?? '');
    if (kind !== 'thermostat-gatt' || !address || !profile || !credentialFile) return [];
    return { id, address, profile, credentialFile };
  });
  return { thermostats, timeZone: store.timezone };
}
