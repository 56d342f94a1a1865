import { describe, expect, it } from 'vitest';
import {
  environmentalSensing,
  environmentalSensingWith,
} from '../../../devices/gatt/environmental-sensing.ts';
import { eq3 } from '../../../devices/gatt/eq-3.ts';
import { gattProfiles } from '../../../devices/gatt/index.ts';
import {
  assignedUuid,
  type FoundCharacteristic,
  whyNot,
  whyNotSetpoint,
} from '../../../devices/gatt/profile.ts';
import { deviceByKind } from '../../../devices/index.ts';
import { SETPOINT_RANGE_C } from '../../../devices/thermostat.ts';
import { fromHex, toHex } from '../../../devices/wire/hex.ts';

const bytes = (hex: string) => fromHex(hex) ?? new Uint8Array();
const everything = ['read', 'write', 'notify'];

/** What a thermostat of the profile has at least. */
const of = (profile: typeof eq3): FoundCharacteristic[] => {
  const places = [...profile.reads, ...profile.notifies].map(({ from }) => from);
  const written = [profile.set.to, ...(profile.ask ? [profile.ask.to] : [])];
  const ids = [...places, ...written].map((place) => JSON.stringify(place));
  return [...new Set(ids)].map((id) => ({ ...JSON.parse(id), properties: everything }));
};

describe('the profiles of GATT thermostats', () => {
  it('stay within what a command may set, and are named by their model', () => {
    for (const [model, { setpointRange, ...profile }] of gattProfiles) {
      expect(profile.model).toBe(model);
      expect(setpointRange.minC).toBeGreaterThanOrEqual(SETPOINT_RANGE_C[0]);
      expect(setpointRange.maxC).toBeLessThanOrEqual(SETPOINT_RANGE_C[1]);
    }
    expect([...gattProfiles.keys()]).toEqual(['eq-3', 'environmental-sensing']);
  });

  it('can encode every setpoint of their range', () => {
    for (const profile of gattProfiles.values()) {
      const { minC, maxC, stepC } = profile.setpointRange;
      for (let setpointC = minC; setpointC <= maxC; setpointC += stepC) {
        expect(whyNotSetpoint(profile, setpointC)).toBeUndefined();
        expect(() => profile.set.encode(setpointC)).not.toThrow();
      }
    }
  });

  it.each([4.5, 30, 20.25, 127.5, -1, Number.NaN])('an eQ-3 is not set to %s', (setpointC) => {
    expect(whyNotSetpoint(eq3, setpointC)).toBe('setpointC must be 5 to 29.5 in steps of 0.5');
  });

  it('a step of a tenth takes tenths, as floating-point numbers have them', () => {
    const fine = { ...environmentalSensing, setpointRange: { minC: 5, maxC: 30, stepC: 0.1 } };
    for (const setpointC of [20.1, 20.7, 21.3, 29.9]) expect(whyNotSetpoint(fine, setpointC)).toBeUndefined();
    expect(whyNotSetpoint(fine, 20.15)).toBeDefined();
  });

  it('a thermostat of another model is known by what it lacks', () => {
    for (const profile of gattProfiles.values()) {
      const found = of(profile);
      expect(whyNot(profile, found)).toBeUndefined();
      for (const missing of found) {
        const rest = found.filter((one) => one !== missing);
        expect(whyNot(profile, rest)).toContain(`it has no characteristic ${missing.characteristic}`);
      }
      expect(
        whyNot(
          profile,
          found.map((one) => ({ ...one, properties: ['read', 'notify'] })),
        ),
      ).toContain('that can be written');
    }
  });

  it('of two temperatures none is taken for the room’s', () => {
    const found = of(environmentalSensing);
    const second = found.filter(({ service }) => service === assignedUuid(0x181a));
    expect(whyNot(environmentalSensing, [...found, ...second])).toContain('2 characteristics 00002a6e');
  });

  it('a kind of its own says and obeys what a thermostat does', () => {
    const { kind: _, summary: __, ...gatt } = deviceByKind.get('thermostat-gatt') ?? {};
    const { kind: ___, summary: ____, ...thermostat } = deviceByKind.get('thermostat') ?? {};
    expect(gatt).toEqual(thermostat);
  });
});

describe('what an eQ-3 tells of the room', () => {
  it('has no temperature of the room: none is invented', () => {
    const [status] = eq3.notifies;
    expect(status?.decode(bytes('0201080004240000000018032a2207'))).toEqual({
      setpointC: 18,
      valvePct: 0,
      mode: 'auto',
      batteryLow: false,
    });
    expect(status?.decode(bytes('02010550042c'))).toEqual({
      setpointC: 22,
      valvePct: 80,
      mode: 'boost',
      batteryLow: false,
    });
    expect(status?.decode(bytes('0280'))).toBeUndefined();
  });

  it('has a sign that its batteries are low', () => {
    // rytilahti/python-eq3bt, eq3bt/tests/test_thermostat.py, commit 1f92ff45 (MIT): its status with low_battery.
    expect(eq3.notifies[0]?.decode(bytes('020180000428'))).toMatchObject({ setpointC: 20, batteryLow: true });
  });
});

/** bluetooth-sig-python, tests/gatt/characteristics/test_temperature.py, commit 2cb26b9a (MIT). */
const TEMPERATURES = [
  ['0000', 0],
  ['6408', 21.48],
  ['18fc', -10],
  ['ff7f', 327.67],
  ['0100', 0.01],
  ['4d95', -273.15],
  // Zephyr, samples/bluetooth/peripheral_esp: 1200 and 1800 of its simulated sensors (Apache-2.0).
  ['b004', 12],
  ['0807', 18],
] as const;

describe('Environmental Sensing', () => {
  const [temperature, setpoint] = environmentalSensing.reads;

  it.each(TEMPERATURES)('%s is %s °C', (hex, degrees) => {
    expect(temperature?.decode(bytes(hex))).toEqual({ currentC: degrees });
    expect(setpoint?.decode(bytes(hex))).toEqual({ setpointC: degrees });
    expect(toHex(environmentalSensing.set.encode(degrees))).toBe(hex);
  });

  it('says nothing where the temperature is not known, or the value has another length', () => {
    for (const hex of ['0080', '', '64', '640800']) expect(temperature?.decode(bytes(hex))).toBeUndefined();
  });

  it('a thermostat of another maker is one value', () => {
    const id = {
      service: '0000fff0-0000-1000-8000-00805f9b34fb',
      characteristic: '0000fff1-0000-1000-8000-00805f9b34fb',
    };
    const other = environmentalSensingWith('other', id, { minC: 7, maxC: 28, stepC: 1 });
    expect(other.set.to).toEqual(id);
    expect(whyNotSetpoint(other, 20.5)).toBe('setpointC must be 7 to 28 in steps of 1');
  });
});
