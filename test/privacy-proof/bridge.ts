import { AD_TYPE, readAdvertisingData } from '../../devices/wire/advertising-data.ts';
import { toHex } from '../../devices/wire/hex.ts';
import { BRIDGE_BRANCH } from './plan.ts';
import type { Frame } from './schedule.ts';

/** A frame as OpenMQTTGateway publishes it: the address in the topic, bare and in capitals. */
export function bridged({ address, rssi, data }: Frame): { topic: string; payload: string } {
  const said: Record<string, unknown> = { id: address.toUpperCase(), mac_type: 1, rssi };
  for (const { type, value } of readAdvertisingData(Buffer.from(data, 'hex')) ?? []) {
    if (type === AD_TYPE.manufacturerData) said.manufacturerdata = toHex(value);
    if (type !== AD_TYPE.serviceData16) continue;
    said.servicedatauuid = toHex(Uint8Array.of(value[1] ?? 0, value[0] ?? 0));
    said.servicedata = toHex(value.subarray(2));
  }
  const topic = `${BRIDGE_BRANCH}/BTtoMQTT/${address.replaceAll(':', '').toUpperCase()}`;
  return { topic, payload: JSON.stringify(said) };
}

/** A sign-in as a RADIUS server (RFC 2866) and hostapd tell it. */
export function signIns({ user, address }: { user: string; address: string }, isFirst: boolean) {
  return [
    {
      message: 'accounting',
      payload: JSON.stringify({
        ...{ 'Acct-Status-Type': isFirst ? 'Start' : 'Interim-Update', 'User-Name': user },
        'Calling-Station-Id': address.toUpperCase().replaceAll(':', '-'),
      }),
    },
    { message: 'hostapd', payload: `AP-STA-CONNECTED ${address} auth_alg=open` },
  ];
}
