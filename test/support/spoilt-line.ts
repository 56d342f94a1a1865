import { readFileSync, writeFileSync } from 'node:fs';
import type { Shop } from './shop.ts';
import { type TcpProxy, tcpProxy } from './tcp-proxy.ts';

/** Has a shop that has not started yet send its events to somebody else at that port. */
export function sendThrough({ config, profiles }: Shop, port: number): void {
  const yaml = readFileSync(config, 'utf8').replace(profiles.url, `http://127.0.0.1:${port}`);
  writeFileSync(config, yaml);
}

/** The line from a shop that has not started yet to its profile store, for the test to spoil. */
export async function lineToProfiles(shop: Shop): Promise<TcpProxy> {
  const line = await tcpProxy(Number(new URL(shop.profiles.url).port));
  sendThrough(shop, line.port);
  return line;
}
