import { expect, it } from 'vitest';
import { openMqttMessages } from '../../../firmware-sim/firmware/open-mqtt-gateway.ts';

const heard = (hex: string) => ({
  address: '11:22:33:44:55:66',
  addressType: 'public' as const,
  rssi: -93,
  data: Buffer.from(hex, 'hex'),
});

/** The fields that its documentation shows with `pubadvdata`, docs/use/ble.md of 1technophile/OpenMQTTGateway. */
it('publishes what it hears as the documentation has it', () => {
  const [message, ...more] = openMqttMessages(
    'home/omg-1',
    heard('1716cdfd88121122334455660201520f0126090403000000'),
  );
  expect(more).toEqual([]);
  expect(message?.topic).toBe('home/omg-1/BTtoMQTT/112233445566');
  expect(JSON.parse(message?.payload ?? '')).toEqual({
    id: '11:22:33:44:55:66',
    mac_type: 0,
    adv_type: 0,
    rssi: -93,
    servicedata: '88121122334455660201520f0126090403000000',
    servicedatauuid: '0xfdcd',
  });
});

it('publishes each service data by itself, and a device without any once', () => {
  const two = openMqttMessages('home/omg-1', heard('0416aafe30041695fe01'));
  expect(two.map(({ payload }) => JSON.parse(payload).servicedatauuid)).toEqual(['0xfeaa', '0xfe95']);
  const none = openMqttMessages('home/omg-1', heard('020106'));
  expect(none).toHaveLength(1);
  expect(none[0]?.payload).not.toContain('servicedata');
});
