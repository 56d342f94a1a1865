import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { JWK } from 'jose';
import type { Shop } from '../../firmware-sim/central/addresses.ts';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { aisle } from '../support/shop.ts';

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
  const child = spawn(process.execPath, aisle(['run', '--config', config]), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk) => (log += chunk));
  const mqttPort = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      log += `${line}\n`;
      const said = JSON.parse(line) as { msg: string; mqtt?: { port: number } };
      if (said.msg === 'aisle runs' && said.mqtt) resolve(said.mqtt.port);
    });
    child.once('exit', (code) => reject(new Error(`the gateway ended with ${code}: ${log}`)));
  });
  return { mqttPort, log: () => log, kill: () => killed(child) };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
