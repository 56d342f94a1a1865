import {
  AD_TYPE,
  type AdStructure,
  leadingId,
  readAdvertisingData,
} from '../../devices/wire/advertising-data.ts';
import { toHex } from '../../devices/wire/hex.ts';

/** What such a gateway hears of one device. */
export interface HeardBle {
  /** `aa:bb:cc:dd:ee:ff` */
  address: string;
  addressType: 'public' | 'random';
  /** dBm */
  rssi: number;
  /** AD structures. */
  data: Uint8Array;
}

/** A message as the firmware publishes it, at QoS 0. */
export interface OpenMqttMessage {
  topic: string;
  payload: string;
}

/**
 * Firmware of an OpenMQTTGateway with `pubadvdata` and `randommacs` on: a message for each service data
 * that it hears, or one without any. `branch` is its base topic and its name, `home/OpenMQTTGateway`.
 */
export function openMqttMessages(branch: string, heard: HeardBle): OpenMqttMessage[] {
  const structures = readAdvertisingData(heard.data) ?? [];
  const manufacturer = structures.find(({ type }) => type === AD_TYPE.manufacturerData);
  const services = structures.filter(({ type }) => type === AD_TYPE.serviceData16);
  const common = {
    id: heard.address.toUpperCase(),
    mac_type: heard.addressType === 'public' ? 0 : 1,
    adv_type: 0,
    ...(manufacturer && { manufacturerdata: toHex(manufacturer.value) }),
    rssi: heard.rssi,
  };
  const topic = `${branch}/BTtoMQTT/${heard.address.toUpperCase().replaceAll(':', '')}`;
  const bodies = services.length > 0 ? services.map((one) => ({ ...common, ...serviceOf(one) })) : [common];
  return bodies.map((body) => ({ topic, payload: JSON.stringify(body) }));
}

function serviceOf(structure: AdStructure) {
  const uuid = leadingId(structure).toString(16).padStart(4, '0');
  return { servicedata: toHex(structure.value.subarray(2)), servicedatauuid: `0x${uuid}` };
}
