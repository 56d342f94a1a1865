import type { UplinkConfig } from '../config.ts';
import { httpUplink } from './http.ts';
import { mqttUplink } from './mqtt.ts';
import type { Uplink } from './uplink.ts';

/** Opens a configured uplink; nothing is sent yet. */
export function openUplink(config: UplinkConfig, store: { id: string; gateway: string }): Uplink {
  switch (config.kind) {
    case 'http':
      return httpUplink(config);
    case 'mqtt':
      return mqttUplink({ ...config, store: store.id, gateway: store.gateway });
  }
}

/** What settlement is kept under: the same destination over restarts and other changes of configuration. */
export function uplinkName({ kind, url }: UplinkConfig): string {
  return `${kind} ${url}`;
}
