import { ATT, AttError, type Peripheral } from '../peripheral.ts';
import { eq3Commands } from './eq-3-commands.ts';
import { eq3State, mode, programOf, statusOf, valvePercent } from './eq-3-state.ts';
import { room } from './room.ts';
import { configuration, deviceInformation, genericAccess } from './services.ts';

const SERVICE = '3e135142-654f-9090-134a-a6ff5bb77046';
const COMMANDS = '3fa4585a-ce4a-3bad-db4b-b8df8179ea09';
const ANSWERS = 'd0e8434d-cd29-0996-af41-6c90f4e0eb2a';
const NAME = 'CC-RT-BLE';
const COMMAND_OCTETS = 16;
/** From a command to the notification that answers it. */
const ANSWER_MS = 20;

/** What `00` is answered with, by firmware: version, serial number (each character 0x30 higher), check octet. */
const VERSION = { '1.05': 0x69, '1.10': 0x6e, '1.20': 0x78 } as const;
const SERIAL = '807581626163606067659e';

export interface Eq3Options {
  roomC: number;
  setpointC: number;
  firmware: keyof typeof VERSION;
  pushEveryMs: number;
  now(): number;
}

/**
 * Firmware of an eQ-3 CC-RT-BLE as public descriptions of the device have it. It tells its setpoint and its
 * valve, never the room's temperature; all its answers are notifications. It checks nothing of what it is told.
 */
export function eq3({ roomC, setpointC, firmware, pushEveryMs, now }: Eq3Options): Peripheral {
  const state = eq3State(setpointC);
  const around = room({ roomC, setpointC: () => state.target / 2, now });
  /** What the radio hands over is always this whole buffer: a short write leaves the end of the one before. */
  const received = Buffer.alloc(COMMAND_OCTETS);
  let notify: ((uuid: string, value: Buffer) => void) | undefined;
  let pushing: NodeJS.Timeout | undefined;
  let lastWritten: Buffer = Buffer.alloc(0);

  const status = () => statusOf(state, { firmware, roomC: around.temperatureC(), at: now() });
  const answers = {
    status,
    version: () => Buffer.from([0x01, VERSION[firmware], 0, 0, ...Buffer.from(SERIAL, 'hex')]),
    program: (day: number) => programOf(state, day),
  };

  function answer(value: Buffer | undefined): void {
    if (!value) return;
    const asked = notify;
    setTimeout(() => asked === notify && asked?.(ANSWERS, value), ANSWER_MS);
  }

  function write(value: Buffer): void {
    if (value.length === 0) throw new AttError(ATT.invalidLength);
    lastWritten = value;
    received.set(value);
    answer(eq3Commands(state, Buffer.from(received), { at: now(), answers }));
  }

  return {
    name: NAME,
    services: [
      genericAccess(NAME),
      deviceInformation(0x0300, 'eq-3', NAME),
      {
        uuid: SERVICE,
        handle: 0x0400,
        characteristics: [
          {
            uuid: COMMANDS,
            handle: 0x0410,
            flags: ['read', 'write'],
            maxLength: COMMAND_OCTETS,
            read: () => lastWritten,
            write,
          },
          { uuid: ANSWERS, handle: 0x0420, flags: ['notify'], descriptors: [configuration(0x0430)] },
        ],
      },
    ],
    // Flags; its name; manufacturer data of company 0 without content.
    advertisement: () => {
      const name = Buffer.from(NAME);
      return Buffer.concat([
        Buffer.from([0x02, 0x01, 0x06, name.length + 1, 0x09]),
        name,
        Buffer.from('0cff0000000000000000000000', 'hex'),
      ]);
    },
    connected(tell) {
      notify = tell;
      if (pushEveryMs > 0) {
        pushing = setInterval(() => state.clock === 'set' && notify?.(ANSWERS, status()), pushEveryMs);
      }
    },
    disconnected() {
      notify = undefined;
      clearInterval(pushing);
    },
    turn(wantedC) {
      state.target = Math.round(wantedC * 2);
      notify?.(ANSWERS, status());
    },
    battery(isLow) {
      state.isBatteryLow = isLow;
    },
    state: () => ({
      setpointC: state.target / 2,
      roomC: around.temperatureC(),
      mode: mode(state),
      valvePct: valvePercent(state, around.temperatureC(), now()),
      isLocked: state.isLocked,
      isBatteryLow: state.isBatteryLow,
      clock: state.clock,
      isHarmed: state.isHarmed,
    }),
  };
}
