import { longUuid } from '../advertising.ts';
import { ATT, AttError, type Peripheral } from '../peripheral.ts';
import { room } from './room.ts';
import { configuration, description, deviceInformation, genericAccess } from './services.ts';

/** Environmental Sensing Service 1.0; Temperature and Humidity of the GATT Specification Supplement. */
const SENSING = longUuid('181a');
const TEMPERATURE = longUuid('2a6e');
const HUMIDITY = longUuid('2a6f');
const BATTERY = longUuid('180f');
const BATTERY_LEVEL = longUuid('2a19');
/** The standard has no setpoint: one of the maker's own, in the form of Temperature. */
const CONTROL = '4f1d0001-9a5c-4b7e-8e2f-61a7c3d05b90';
const SETPOINT = '4f1d0002-9a5c-4b7e-8e2f-61a7c3d05b90';

const NAME = 'Room thermostat';
const RANGE_C = [5, 30] as const;
const HUMIDITY_PERCENT = 45.5;
const BATTERY_PERCENT = 87;
/** How often it looks whether its temperature changed by as much as it tells, ms and °C. */
const LOOK_MS = 1_000;
const TELL_C = 0.1;

/** Firmware of a thermostat with the standard's sensing service and a setpoint that can be written. */
export function environmentalSensing(options: {
  roomC: number;
  setpointC: number;
  now(): number;
}): Peripheral {
  let setpointC = options.setpointC;
  const around = room({ roomC: options.roomC, setpointC: () => setpointC, now: options.now });
  let notify: ((uuid: string, value: Buffer) => void) | undefined;
  let looking: NodeJS.Timeout | undefined;
  let told = around.temperatureC();

  function look(): void {
    const now = around.temperatureC();
    if (Math.abs(now - told) < TELL_C) return;
    told = now;
    notify?.(TEMPERATURE, hundredths(now));
  }

  function set(wantedC: number): void {
    setpointC = wantedC;
    notify?.(SETPOINT, hundredths(setpointC));
  }

  return {
    name: NAME,
    services: [
      genericAccess(NAME),
      deviceInformation(0x0010, 'Aisle', NAME),
      {
        uuid: SENSING,
        handle: 0x0020,
        characteristics: [
          {
            uuid: TEMPERATURE,
            handle: 0x0021,
            flags: ['read', 'notify'],
            descriptors: [configuration(0x0023)],
            read: () => hundredths(around.temperatureC()),
          },
          {
            uuid: HUMIDITY,
            handle: 0x0024,
            flags: ['read'],
            read: () => unsigned(HUMIDITY_PERCENT * 100),
          },
        ],
      },
      {
        uuid: BATTERY,
        handle: 0x0030,
        characteristics: [
          {
            uuid: BATTERY_LEVEL,
            handle: 0x0031,
            flags: ['read'],
            read: () => Buffer.from([BATTERY_PERCENT]),
          },
        ],
      },
      {
        uuid: CONTROL,
        handle: 0x0040,
        characteristics: [
          {
            uuid: SETPOINT,
            handle: 0x0041,
            flags: ['read', 'write', 'notify'],
            descriptors: [configuration(0x0043), description(0x0044, 'Setpoint')],
            maxLength: 2,
            read: () => hundredths(setpointC),
            write(value) {
              if (value.length !== 2) throw new AttError(ATT.invalidLength);
              const wantedC = value.readInt16LE() / 100;
              if (wantedC < RANGE_C[0] || wantedC > RANGE_C[1]) throw new AttError(ATT.valueNotAllowed);
              set(wantedC);
            },
          },
        ],
      },
    ],
    // Flags; 0x181A and 0x180F as a complete list; its name.
    advertisement: () => {
      const name = Buffer.from(NAME);
      return Buffer.concat([
        Buffer.from('02010605031a180f18', 'hex'),
        Buffer.from([name.length + 1, 0x09]),
        name,
      ]);
    },
    connected(tell) {
      notify = tell;
      looking = setInterval(look, LOOK_MS);
    },
    disconnected() {
      notify = undefined;
      clearInterval(looking);
    },
    turn: set,
    state: () => ({ setpointC, roomC: around.temperatureC() }),
  };
}

/** sint16, 0.01 °C. */
function hundredths(celsius: number): Buffer {
  const value = Buffer.alloc(2);
  value.writeInt16LE(Math.round(celsius * 100));
  return value;
}

function unsigned(value: number): Buffer {
  const octets = Buffer.alloc(2);
  octets.writeUInt16LE(Math.round(value));
  return octets;
}
