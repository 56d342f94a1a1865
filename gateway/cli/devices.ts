import { openCredentials } from '../access/credentials.ts';
import type { Config } from '../config.ts';
import { openStoreKey } from '../store-key.ts';

/**
 * Makes a device's secret; an older one stops working.
 * @throws where the configuration has no such device.
 */
export function addDevice(config: Config, id: string, at: number): IssuedSecret {
  known(config, id);
  return withCredentials(config, (credentials) => {
    const isNew = credentials.list().every(({ device }) => device !== id);
    return { id, secret: credentials.issue(id, at), isNew };
  });
}

/** `isNew` is false where the device had a secret, which stopped working. */
export interface IssuedSecret {
  id: string;
  secret: string;
  isNew: boolean;
}

/** Several at once: where the configuration lacks one of them, none is made. */
export function addDevices(config: Config, ids: readonly string[], at: number): IssuedSecret[] {
  for (const id of ids) known(config, id);
  return ids.map((id) => addDevice(config, id, at));
}

export function listDevices(config: Config) {
  const issued = withCredentials(config, (credentials) => credentials.list());
  const issuedAt = new Map(issued.map((row) => [row.device, new Date(row.issuedAt).toISOString()]));
  return config.devices.map(({ id, kind, zone }) => ({ id, kind, zone, issuedAt: issuedAt.get(id) ?? null }));
}

/** @throws where the device had no secret. */
export function revokeDevice(config: Config, id: string): void {
  const had = withCredentials(config, (credentials) => credentials.revoke(id));
  if (!had) throw new Error(`device "${id}" had no secret`);
}

function known(config: Config, id: string): void {
  if (config.devices.some((device) => device.id === id)) return;
  const ids = config.devices.map((device) => device.id).join(', ') || 'none';
  throw new Error(
    `device "${id}" is not in the configuration's devices (${ids}): add {id: ${id}, kind: …} there first`,
  );
}

function withCredentials<T>(config: Config, work: (credentials: ReturnType<typeof openCredentials>) => T): T {
  const credentials = openCredentials(
    config.data,
    openStoreKey(config.data, config.storeKeyFile).derive('device secrets'),
  );
  try {
    return work(credentials);
  } finally {
    credentials.close();
  }
}
