import { describe, expect, it } from 'vitest';
import { boxRadio, gattThermostat, receivers } from '../../../firmware-sim/shop-floor/floor-plan.ts';
import { openRadios } from '../../../firmware-sim/shop-floor/radios.ts';
import { freePort } from '../../support/free-port.ts';
import { hasDbus } from '../../support/mock-bluez.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { type Client, device, HCI0, openClient, SCAN } from '../bluez/client.ts';

const BUTTON = 'e8:e0:7e:00:00:01';
/** Flags, service data of BTHome: a press. */
const PRESS = Buffer.from('0201060616d2fc403a01', 'hex');
const EVERYWHERE = { arrives: () => -50 };

async function radios(hears: boolean) {
  const bus = `unix:path=${temporaryFolder()}/bus`;
  const ports = await Promise.all(receivers.map(async ({ id }) => [id, await freePort()] as const));
  const controllers = Object.fromEntries(ports);
  const opened = await openRadios(
    { controllers, bluez: { bus, adapter: 'hci0', hears } },
    EVERYWHERE,
    () => 0,
  );
  const client = await openClient(bus);
  await client.call(HCI0, 'SetDiscoveryFilter', 'a{sv}', SCAN);
  await client.call(HCI0, 'StartDiscovery');
  const transmit = () =>
    opened.transmit({
      ...{
        from: 'button',
        at: [1, 1, 1],
        address: BUTTON,
        addressType: 'public',
        data: PRESS,
        atOneMetre: -50,
      },
    });
  return { opened, client, transmit, controllers };
}

const isDevice = (address: string) => (signal: Client['seen'][number]) =>
  signal.member === 'InterfacesAdded' && signal.body[0] === device(address.toUpperCase());

describe.skipIf(!hasDbus)("the box's BlueZ in the air of the shop", () => {
  it('hears what is transmitted, in place of a controller', async () => {
    const { opened, client, transmit, controllers } = await radios(true);
    transmit();
    const added = await client.sees(isDevice(BUTTON));
    expect(JSON.stringify(added.body[1])).toContain('"0000fcd2-0000-1000-8000-00805f9b34fb":"403a01"');
    await client.sees(isDevice(gattThermostat.address));
    await expect(fetch(`http://127.0.0.1:${controllers[boxRadio.id]}`)).rejects.toThrow();
    client.close();
    await opened.close();
  });

  it('hears its thermostat alone where a controller hears the rest', async () => {
    const { opened, client, transmit } = await radios(false);
    transmit();
    await client.sees(isDevice(gattThermostat.address));
    expect(client.seen.some(isDevice(BUTTON))).toBe(false);
    client.close();
    await opened.close();
  });
});
