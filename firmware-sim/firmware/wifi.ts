/** Records of an access point about one station, as a RADIUS server hands them on. */
export interface AccessPoint {
  /** The station signs in; `user` by 802.1X or a portal. */
  start(): void;
  /** The session is still open. */
  alive(): void;
  stop(): void;
}

export interface StationOptions {
  /** `aa:bb:cc:dd:ee:ff` */
  address: string;
  user: string;
  session: string;
  send(name: 'accounting', fields: object): void;
}

/** Attributes as FreeRADIUS' rlm_rest names and wraps them. */
export function accessPoint({ address, user, session, send }: StationOptions): AccessPoint {
  const record = (status: number) => ({
    'Acct-Status-Type': { type: 'integer', value: [status] },
    'User-Name': { type: 'string', value: [user] },
    'Acct-Session-Id': { type: 'string', value: [session] },
    'Calling-Station-Id': { type: 'string', value: [address.toUpperCase().replaceAll(':', '-')] },
    'NAS-Port-Type': { type: 'integer', value: [19] },
  });
  return {
    start: () => send('accounting', record(1)),
    alive: () => send('accounting', record(3)),
    stop: () => send('accounting', record(2)),
  };
}

/** A line as OpenWrt's `logread -e hostapd` prints it. */
export function hostapdLine(event: 'CONNECTED' | 'DISCONNECTED', address: string): string {
  return `Mon Mar  2 10:00:00 2026 daemon.notice hostapd: wlan0: AP-STA-${event} ${address}`;
}
