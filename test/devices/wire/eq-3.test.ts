import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeStatus, encodeSetpoint, encodeStatusRequest } from '../../../devices/wire/eq-3.ts';
import { fromHex, toHex } from '../../../devices/wire/hex.ts';
import { localTime } from '../../../devices/wire/local-time.ts';
import { eq3 as eq3Firmware } from '../../../firmware-sim/bluez/peripherals/eq-3.ts';

/*
 * Byte strings from outside this project, as published:
 * HK  Heckie75/eQ-3-radiator-thermostat, eq-3-radiator-thermostat-api.md, commits 184f5abc and 8c865ba0 (MIT)
 * HI  the same repository, issue 29; H35: issue 35, the log of another client
 * PY  rytilahti/python-eq3bt, eq3bt/tests/test_thermostat.py, commit 1f92ff45 (MIT)
 * DB  dbuezas/eq3btsmart, tests/test_eq3_time.py (MIT)
 * FW  dbuezas/eq3-custom-fw, webapp/src/device/status.test.ts and commands.test.ts, commit 822c1075
 * S1  softypit/esp32_mqtt_eq3, pull request 19 (Apache-2.0)
 * TA  arendst/Tasmota, xdrv_85_esp32_ble_eq3_trv.ino and its documentation
 * NR  alikh31/node-red-contrib-eq3-bluetooth, lib/rawnotes.txt (MIT)
 * DV  devbar/eq3-to-mqtt, Devbar.EQ3.Test/Unit/Converter, commit f72c2389
 */
const bytes = (hex: string) => fromHex(hex) ?? new Uint8Array();

describe('an eQ-3 is asked and set by the bytes that others found', () => {
  it.each([
    ['HK', '03110208151f05', [2017, 2, 8, 21, 31, 5]],
    ['DB', '0316060f0a2d1e', [2022, 6, 15, 10, 45, 30]],
    ['DV', '03180a18100c00', [2024, 10, 24, 16, 12, 0]],
    ['DV', '031a0c18080a0c', [2026, 12, 24, 8, 10, 12]],
    ['FW', '031a0907162e07', [2026, 9, 7, 22, 46, 7]],
    ['H35', '03150102150724', [2021, 1, 2, 21, 7, 36]],
  ] as const)(
    '%s: %s sets the clock and asks for the status',
    (_, hex, [year, month, day, hour, minute, second]) => {
      expect(toHex(encodeStatusRequest({ year, month, day, hour, minute, second }))).toBe(hex);
    },
  );

  it.each([
    ['HK', '412d', 22.5],
    ['HK', '413c', 30],
    ['HK', '4109', 4.5],
    ['FW', '412a', 21],
  ])('%s: %s sets %s', (_, hex, setpointC) => {
    expect(toHex(encodeSetpoint(setpointC))).toBe(hex);
  });

  it.each([127.5, 35, -1, 4, 30.5, 20.25, Number.NaN])(
    'is never sent %s °C, which it would obey',
    (setpointC) => {
      expect(() => encodeSetpoint(setpointC)).toThrow(RangeError);
    },
  );

  it('is never sent what is no time: it takes a month 13, and its programme stops for good', () => {
    const at = { year: 2026, month: 11, day: 22, hour: 9, minute: 30, second: 0 };
    expect(() => encodeStatusRequest(at)).not.toThrow();
    for (const wrong of [
      { month: 13 },
      { month: 0 },
      { day: 0 },
      { hour: 24 },
      { second: 60 },
      { year: 1999 },
    ]) {
      expect(() => encodeStatusRequest({ ...at, ...wrong })).toThrow(RangeError);
    }
  });
});

describe('what an eQ-3 tells', () => {
  it.each([
    ['HK', '02010000042a', { mode: 'auto', setpointC: 21, valvePct: 0 }],
    ['PY', '020101000428', { mode: 'manual', setpointC: 20 }],
    [
      'PY',
      '020100000428',
      { mode: 'auto', isBoosting: false, isWindowOpen: false, isLocked: false, isBatteryLow: false },
    ],
    ['PY', '020110000428', { isWindowOpen: true, setpointC: 20 }],
    ['PY', '020104000428', { isBoosting: true }],
    ['PY', '020180000428', { isBatteryLow: true }],
    ['PY', '020100160428', { valvePct: 22 }],
    ['HK', '020100260424', { valvePct: 38, setpointC: 18 }],
    ['HK', '02010550042c', { mode: 'manual', isBoosting: true, valvePct: 80, setpointC: 22 }],
    ['HK', '02010150042c', { mode: 'manual', isBoosting: false }],
    ['HK', '02010037043c', { mode: 'auto', setpointC: 30, valvePct: 55 }],
    ['HK', '020100370409', { mode: 'auto', setpointC: 4.5 }],
    ['HI', '02010950040c', { mode: 'manual', setpointC: 6 }],
    ['HI, HK', '02010950041e0000000018032a2207', { mode: 'manual', setpointC: 15, valvePct: 80 }],
    ['PY', '020100000422000000001803282207', { mode: 'auto', setpointC: 17 }],
    [
      'FW, measured',
      '0201080004240000000018032a2207',
      { mode: 'auto', setpointC: 18, isLocked: false, isBatteryLow: false },
    ],
    ['S1', '0201090004220000000018032c2406', { mode: 'manual', setpointC: 17 }],
    ['TA', '02010900042C', { mode: 'manual', setpointC: 22, valvePct: 0 }],
    ['TA', '020109000429', { setpointC: 20.5 }],
    ['TA', '0201283B042A', { mode: 'auto', isLocked: true, valvePct: 59, setpointC: 21 }],
    ['NR', '020111000418', { mode: 'manual', isWindowOpen: true, setpointC: 12 }],
    ['DV, with 0 where others have 4', '02010834002f00000000280440280e', { valvePct: 52, setpointC: 23.5 }],
  ])('%s: %s', (_, hex, said) => {
    expect(decodeStatus(bytes(hex))).toMatchObject(said);
    expect(decodeStatus(bytes(hex))).not.toHaveProperty('holidayUntil');
  });

  it.each([
    ['PY', '0201020004231d132e03', { setpointC: 17.5 }, [2019, 3, 29, 23, 0]],
    ['HK', '0201020004231f112b03', { setpointC: 17.5 }, [2017, 3, 31, 21, 30]],
    ['HK', '0201020004261c110302', { setpointC: 19 }, [2017, 2, 28, 1, 30]],
  ] as const)('%s: %s is on holiday, with its end', (_, hex, said, [year, month, day, hour, minute]) => {
    const holidayUntil = { year, month, day, hour, minute };
    expect(decodeStatus(bytes(hex))).toMatchObject({ mode: 'holiday', ...said, holidayUntil });
  });

  it('S1: a holiday without an end is one all the same', () => {
    const status = decodeStatus(bytes('02010A0004220000000018032c2406'));
    expect(status).toMatchObject({ mode: 'holiday', setpointC: 17 });
    expect(status).not.toHaveProperty('holidayUntil');
  });

  it.each([
    ['HK, a programme that was stored', '020206'],
    ['FW, a command that it does not know', '0280'],
    ['HK, the programme of a day', '21022724298427900000000000000000'],
    ['FW, the same, measured', '210322242a3622662a8a229022902290'],
    ['PY, version and serial number', '01780000807581626163606067659e'],
    ['HK, the same', '016e00007f7581606661666461649b'],
    ['FW, the same', '01c800008075816068606560686736'],
    ['DV, another first octet', '09010834002f00000000280440280e'],
    ['DV, cut short', '02010834002f00000000280440'],
  ])('%s is no status', (_, hex) => {
    expect(decodeStatus(bytes(hex))).toBeUndefined();
  });

  it('is read without an exception, whatever the bytes are', () => {
    const length = fc.constantFrom(0, 1, 2, 5, 6, 7, 10, 13, 15, 16);
    const any = length.chain((octets) => fc.uint8Array({ minLength: octets, maxLength: octets }));
    fc.assert(
      fc.property(any, fc.boolean(), (data, isStatus) => {
        const frame = Uint8Array.from(data);
        if (isStatus) frame.set([2, 1].slice(0, frame.length));
        const status = decodeStatus(frame);
        const setpointC = status?.setpointC ?? 0;
        expect(setpointC * 2).toBe(Math.round(setpointC * 2));
      }),
    );
  });
});

/** The sensor's firmware in firmware-sim was written from the same sources by another hand. */
describe('both ends of the wire', () => {
  const firmware = fc.constantFrom('1.05', '1.10', '1.20');

  /** Hands the bytes to the firmware's command characteristic, and gives back what it holds and would say. */
  function thermostat(version: '1.05' | '1.10' | '1.20', setpointC: number) {
    const device = eq3Firmware({ roomC: 18, setpointC, firmware: version, pushEveryMs: 0, now: () => 0 });
    const all = device.services.flatMap(({ characteristics }) => characteristics);
    const commands = all.find(({ write }) => write !== undefined);
    let said: Uint8Array | undefined;
    device.connected((_, value) => {
      said = value;
    });
    return {
      write: (data: Uint8Array) => commands?.write?.(Buffer.from(data)),
      /** Turned by hand it tells its status at once. */
      told(to: number) {
        device.turn(to);
        return said ?? new Uint8Array();
      },
      state: () => device.state(),
    };
  }
  const halfDegrees = fc.integer({ min: 9, max: 60 }).map((steps) => steps / 2);

  it('every setpoint that is sent is the one that the thermostat has', () => {
    fc.assert(
      fc.property(firmware, halfDegrees, (version, setpointC) => {
        const one = thermostat(version, 20);
        one.write(encodeSetpoint(setpointC));
        expect(one.state().setpointC).toBe(setpointC);
      }),
    );
  });

  it('every setpoint that the thermostat has is the one that is read', () => {
    fc.assert(
      fc.property(firmware, halfDegrees, (version, setpointC) => {
        const one = thermostat(version, 20);
        const { valvePct, mode } = one.state();
        expect(decodeStatus(one.told(setpointC))).toMatchObject({ setpointC, mode });
        expect(valvePct).toBeTypeOf('number');
      }),
    );
  });

  it('no moment of the next seventy years spoils its clock, in any zone', () => {
    const zones = fc.constantFrom('Europe/Paris', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Kiritimati');
    const moment = fc.integer({ min: Date.parse('2026-01-02'), max: Date.parse('2096-01-01') });
    fc.assert(
      fc.property(moment, zones, (at, zone) => {
        const one = thermostat('1.20', 20);
        one.write(encodeStatusRequest(localTime(at, zone)));
        expect(one.state().clock).toBe('set');
      }),
    );
  });
});

describe("the shop's wall clock", () => {
  it.each([
    ['2026-03-29T00:59:59Z', 'Europe/Paris', [2026, 3, 29, 1, 59, 59]],
    // Clocks go forward.
    ['2026-03-29T01:00:00Z', 'Europe/Paris', [2026, 3, 29, 3, 0, 0]],
    ['2026-12-31T23:30:00Z', 'Europe/Paris', [2027, 1, 1, 0, 30, 0]],
    ['2026-11-22T00:00:00Z', 'UTC', [2026, 11, 22, 0, 0, 0]],
    ['2026-11-22T00:00:00Z', 'Asia/Kathmandu', [2026, 11, 22, 5, 45, 0]],
  ] as const)('%s in %s', (at, zone, [year, month, day, hour, minute, second]) => {
    expect(localTime(Date.parse(at), zone)).toEqual({ year, month, day, hour, minute, second });
  });
});
