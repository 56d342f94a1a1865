import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JWK } from 'jose';
import type { Shop } from '../../firmware-sim/central/addresses.ts';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { spawnGateway } from '../support/gateway-process.ts';

/** A shop's gateway whose uplink and downlink are the central platform's MQTT. */
export interface GatewayAtCentral {
  secretOf(device: string): string;
  start(): Promise<{ mqttPort: number; log(): string; kill(): Promise<void> }>;
}

export function gatewayAtCentral(parts: {
  folder: string;
  shop: Shop;
  buttons: readonly string[];
  uplink: { url: string; ca: string; userName: string; password: string };
  issuerKey: JWK;
}): GatewayAtCentral {
  const { folder, shop, buttons, uplink, issuerKey } = parts;
  const { password, ...rest } = uplink;
  const config = join(folder, 'aisle.yaml');
  writeFileSync(join(folder, 'password'), password, { mode: 0o600 });
  const zones = [
    {
      id: 'shoes',
      polygon: [
        [0, 0],
        [5, 0],
        [5, 5],
        [0, 5],
      ],
    },
  ];
  const value = {
    store: {
      id: shop.store,
      gateway: shop.gateway,
      timezone: 'Europe/Paris',
      notice: { id: 'n1', version: '1', languages: ['fr'] },
    },
    mode: 'identify',
    map: { zones },
    devices: buttons.map((id) => ({ id, kind: 'smart-button', zone: 'shoes' })),
    data: 'data',
    clock: { source: 'trusted' },
    consents: { issuerKeys: [issuerKey] },
    inputs: { mqtt: { listen: '127.0.0.1:0' } },
    uplinks: [{ kind: 'mqtt', ...rest, passwordFile: 'password' }],
  };
  // YAML takes JSON.
  writeFileSync(config, JSON.stringify(value));
  return {
    secretOf: (device) => addDevice(readConfig(config), device, Date.now()).secret,
    start: () => startProcess(config),
  };
}

async function startProcess(config: string) {
  const { runs, log, stop } = spawnGateway(config);
  const { mqtt } = await runs;
  return { mqttPort: mqtt, log, kill: async () => void (await stop('SIGKILL')) };
}
