import type { Eq3State } from './eq-3-state.ts';

/** What commands are answered with, beside those that are not known. */
interface Answers {
  status(): Buffer;
  version(): Buffer;
  program(day: number): Buffer;
}

const BOOST_MS = 300_000;
const NACK = Buffer.from([0x02, 0x80]);
/** Days that mean several: weekend, weekdays, all. Saturday is 0. */
const DAY_GROUPS: Record<number, number[]> = {
  7: [0, 1],
  8: [2, 3, 4, 5, 6],
  9: [0, 1, 2, 3, 4, 5, 6],
};

/**
 * Carries out one command, always 16 octets long, in its first octet. The notification that answers it, or
 * nothing where there is none. Temperatures are taken as they come: 127.5 °C too.
 */
export function eq3Commands(
  state: Eq3State,
  command: Buffer,
  { at, answers }: { at: number; answers: Answers },
): Buffer | undefined {
  const octet = (i: number) => command.readUInt8(i);
  switch (octet(0)) {
    case 0x00:
      return answers.version();
    case 0x03:
      setClock(state, command);
      break;
    case 0x10:
      for (const day of DAY_GROUPS[octet(1)] ?? [octet(1)]) state.programs[day] = [...command.subarray(2)];
      return Buffer.from([0x02, 0x02, octet(1)]);
    case 0x11:
      state.comfort = octet(1);
      state.eco = octet(2);
      break;
    case 0x13:
      state.offset = octet(1);
      break;
    case 0x14:
      state.window = octet(1);
      state.windowTime = octet(2);
      break;
    case 0x20:
      return answers.program(octet(1));
    case 0x30:
      // No answer, and no end by itself.
      state.isWindowOpen = octet(1) !== 0;
      return undefined;
    case 0x40:
      setMode(state, command);
      break;
    case 0x41:
      state.target = octet(1);
      break;
    case 0x43:
      state.target = state.comfort;
      break;
    case 0x44:
      state.target = state.eco;
      break;
    case 0x45:
      state.boostUntil = octet(1) === 0 ? undefined : at + BOOST_MS;
      break;
    case 0x80:
      state.isLocked = octet(1) !== 0;
      break;
    // Firmware update, factory reset and one that nobody knows.
    case 0x12:
    case 0x60:
    case 0xa0:
    case 0xa1:
    case 0xe1:
    case 0xf0:
      state.isHarmed = true;
      return undefined;
    default:
      return NACK;
  }
  return answers.status();
}

function setClock(state: Eq3State, command: Buffer): void {
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = [...command.subarray(2, 7)];
  const isTime =
    month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour < 24 && minute < 60 && second < 60;
  state.clock = isTime ? 'set' : 'corrupt';
}

/** The two highest bits are the mode; below them half degrees, 1…3 for a stored temperature, 0 for the present one. */
function setMode(state: Eq3State, command: Buffer): void {
  const value = command.readUInt8(1);
  const low = value & 0x3f;
  const stored = [undefined, state.eco, state.comfort, state.window][low];
  if (stored !== undefined) state.target = stored;
  else if (low >= 9) state.target = low;
  state.isManual = value >> 6 === 1;
  const [day = 0, year = 0, halfHours = 0, month = 0] = [...command.subarray(2, 6)];
  state.holidayUntil = value >> 6 === 2 ? [day, year, halfHours, month] : undefined;
}
