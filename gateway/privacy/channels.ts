import type { Config } from '../config.ts';

/** Where a shopper of this shop can agree and take it back (R7): the same places for both. */
export type Channel = 'app' | 'kiosk' | 'check-in' | 'button';

export function channelsOf({ devices, dashboard }: Config): Channel[] {
  const isThere: Record<Channel, boolean> = {
    app: true,
    kiosk: dashboard !== undefined,
    'check-in': devices.some(({ kind }) => kind === 'check-in'),
    button: devices.some(({ intents }) => Object.values(intents ?? {}).includes('consent-withdraw')),
  };
  return (Object.keys(isThere) as Channel[]).filter((channel) => isThere[channel]);
}
