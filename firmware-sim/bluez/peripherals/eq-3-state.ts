/** What an eQ-3 is set to. Temperatures are half degrees, as on its wire. */
export interface Eq3State {
  target: number;
  isManual: boolean;
  /** Day, year − 2000, half hours, month of its end. */
  holidayUntil: [number, number, number, number] | undefined;
  boostUntil: number | undefined;
  isLocked: boolean;
  isWindowOpen: boolean;
  isBatteryLow: boolean;
  comfort: number;
  eco: number;
  window: number;
  /** Of five minutes each. */
  windowTime: number;
  /** 0…14, 7 is none. */
  offset: number;
  /** Set by no more than what a clock can show; a wrong one stays wrong, and the programs stop. */
  clock: 'unset' | 'set' | 'corrupt';
  /** By day, Saturday first: seven pairs of a temperature and until when, in ten minutes. */
  programs: number[][];
  /** It got a command that ends its life as a thermostat. */
  isHarmed: boolean;
}

const DAYS = 7;
/** 17 °C to 06:00, 21 °C to 22:00, 17 °C to 24:00 and so on. */
const PROGRAM = [0x22, 0x24, 0x2a, 0x84, 0x22, 0x90, 0x22, 0x90, 0x22, 0x90, 0x22, 0x90, 0x22, 0x90];
const BOOST_PERCENT = 80;
/** Percent of the valve a degree that is missing. */
const GAIN = 40;

export function eq3State(setpointC: number): Eq3State {
  return {
    target: Math.round(setpointC * 2),
    isManual: false,
    holidayUntil: undefined,
    boostUntil: undefined,
    isLocked: false,
    isWindowOpen: false,
    isBatteryLow: false,
    comfort: 42,
    eco: 34,
    window: 24,
    windowTime: 3,
    offset: 7,
    clock: 'unset',
    programs: Array.from({ length: DAYS }, () => [...PROGRAM]),
    isHarmed: false,
  };
}

export function mode({ isManual, holidayUntil }: Eq3State): 'auto' | 'manual' | 'holiday' {
  if (holidayUntil) return 'holiday';
  return isManual ? 'manual' : 'auto';
}

export function valvePercent(state: Eq3State, roomC: number, at: number): number {
  if (state.boostUntil !== undefined && at < state.boostUntil) return BOOST_PERCENT;
  return Math.round(Math.min(Math.max((state.target / 2 - roomC) * GAIN, 0), 100));
}

/** Notification `02 01`: 6 octets of firmware 1.05 (10 in a holiday), 10 of 1.10, 15 from 1.20 on. */
export function statusOf(
  state: Eq3State,
  { firmware, roomC, at }: { firmware: '1.05' | '1.10' | '1.20'; roomC: number; at: number },
): Buffer {
  const isBoosting = state.boostUntil !== undefined && at < state.boostUntil;
  const flags =
    (state.isManual ? 0x01 : 0) |
    (state.holidayUntil ? 0x02 : 0) |
    (isBoosting ? 0x04 : 0) |
    (state.isWindowOpen ? 0x10 : 0) |
    (state.isLocked ? 0x20 : 0) |
    (state.isBatteryLow ? 0x80 : 0);
  const head = [0x02, 0x01, flags, valvePercent(state, roomC, at), 0x04, state.target];
  const until = state.holidayUntil ?? [0, 0, 0, 0];
  if (firmware === '1.05') return Buffer.from(state.holidayUntil ? [...head, ...until] : head);
  if (firmware === '1.10') return Buffer.from([...head, ...until]);
  const { window, windowTime, comfort, eco, offset } = state;
  return Buffer.from([...head, ...until, window, windowTime, comfort, eco, offset]);
}

/** Notification `21`: the program of a day. */
export function programOf({ programs }: Eq3State, day: number): Buffer {
  return Buffer.from([0x21, day, ...(programs[day] ?? [])]);
}
