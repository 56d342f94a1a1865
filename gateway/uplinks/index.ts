import type { UplinkConfig } from '../config.ts';
import { httpUplink } from './http.ts';
import { mqttUplink } from './mqtt.ts';
import { segmentUplink } from './segment.ts';
import { unomiUplink } from './unomi.ts';
import type { Uplink } from './uplink.ts';

/** Opens a configured uplink; nothing is sent yet. */
export function openUplink(config: UplinkConfig, store: { id: string; gateway: string }): Uplink {
  switch (config.kind) {
    case 'http':
      return httpUplink(config);
    case 'mqtt':
      return mqttUplink({ ...config, store: store.id, gateway: store.gateway });
    case 'segment':
      return segmentUplink(config);
    case 'unomi':
      return unomiUplink(config);
  }
}

/** What settlement is kept under: the same destination over restarts and other changes of configuration. */
export function uplinkName({ kind, url }: UplinkConfig): string {
  return `${kind} ${url}`;
}

/** True where the other side speaks this project's own contract: it brings consent lists and commands, too. */
export function isPlatform(uplink: UplinkConfig): uplink is Extract<UplinkConfig, { kind: 'http' | 'mqtt' }> {
  return uplink.kind === 'http' || uplink.kind === 'mqtt';
}
