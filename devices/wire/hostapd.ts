import { stationAddress } from './wifi-address.ts';

/** A station that came to an access point, or left it. */
export interface StationEvent {
  connected: boolean;
  /** `aa:bb:cc:dd:ee:ff` */
  address: string;
}

/**
 * At the line's beginning (`hostapd_cli -a`, with its `<3>` or the interface's name), or behind the
 * program's name in a system log. What follows the address differs by version.
 */
const EVENT =
  /^(?:.*\bhostapd(?:\[\d+\])?: )?(?:<\d>)?(?:[\w.-]+: )?(?:<\d>)?AP-STA-(CONNECTED|DISCONNECTED) ([0-9a-f:]{17})(?=\s|$)/i;

/** Reads one line of hostapd (src/common/wpa_ctrl.h, AP_STA_CONNECTED); nothing where it says something else. */
export function readHostapdLine(line: string): StationEvent | undefined {
  const [, event, text = ''] = EVENT.exec(line.trim()) ?? [];
  const address = stationAddress(text);
  return address === undefined ? undefined : { connected: event?.toUpperCase() === 'CONNECTED', address };
}
