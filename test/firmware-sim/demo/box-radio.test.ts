import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { boxBluez, fittedThermostats, NO_GATT_THERMOSTAT } from '../../../firmware-sim/demo/box-radio.ts';
import { connectingDevices, shopConfig } from '../../../firmware-sim/demo/shop-config.ts';
import { parseConfig } from '../../../gateway/config.ts';

const SETTINGS = {
  mqttPort: 1,
  dashboardPort: 2,
  radioPort: 3,
  lineUrl: 'http://127.0.0.1:4',
  issuerKey: { kty: 'OKP', crv: 'Ed25519', x: 'AAAA', kid: 'demo-1' },
};

function shop(bluez: ReturnType<typeof boxBluez>) {
  const { devices, inputs } = parseConfig(
    JSON.stringify(shopConfig({ ...SETTINGS, bluez })),
    '/demo/aisle.yaml',
  );
  const gatt = devices.filter(({ kind }) => kind === 'thermostat-gatt').map(({ id }) => id);
  const { driver, adapter, gatt: spoken } = inputs.radio ?? {};
  return { gatt, radio: { driver, adapter, gatt: spoken?.adapter } };
}

describe("the radio of the demo's box", () => {
  it('hears by noble, and speaks to the GATT thermostat by an adapter of BlueZ', () => {
    expect(shop(boxBluez('noble', true))).toEqual({
      gatt: ['thermostat-4'],
      radio: { driver: 'noble', adapter: 'tcp:127.0.0.1:3', gatt: 'hci1' },
    });
  });

  it('does both by BlueZ where it is asked to', () => {
    expect(shop(boxBluez('bluez', true))).toEqual({
      gatt: ['thermostat-4'],
      radio: { driver: 'bluez', adapter: 'hci0', gatt: undefined },
    });
  });

  it('does without the GATT thermostat where there is no dbus-daemon, and says so', () => {
    const bluez = boxBluez('noble', false);
    expect(shop(bluez)).toEqual({
      gatt: [],
      radio: { driver: 'noble', adapter: 'tcp:127.0.0.1:3', gatt: undefined },
    });
    expect(connectingDevices(false)).not.toContain('thermostat-4');
    expect(fittedThermostats(bluez).map(({ id }) => id)).not.toContain('thermostat-4');
    expect(NO_GATT_THERMOSTAT).toMatch(/^dbus-daemon is not installed .*apt-get install/);
  });

  it('ends with a sentence where BlueZ is asked for and there is no dbus-daemon', () => {
    const args = ['--import', 'tsx', 'gateway/main.ts', 'demo', '--radio', 'bluez'];
    const { status, stderr } = spawnSync(process.execPath, args, {
      env: { ...process.env, PATH: '/nowhere' },
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(stderr.trim()).toMatch(/--radio bluez: dbus-daemon is not installed \(Debian: .*\)$/);
    expect(status).toBe(1);
  });
});
