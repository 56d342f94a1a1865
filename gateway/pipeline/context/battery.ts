/** Below so many per cent a battery is worth telling … */
const LOW_PCT = 20;
/** … and from so many on it is well again: a coin cell's charge wavers with the room's temperature. */
const WELL_PCT = 25;
/** It is told to be well so often at most, ms: a bad contact is low and well with each frame. */
const WELL_EVERY_MS = 3_600_000;
/** No receiver delivers a frame that is older, ms: whoever says so has had its clock set back. */
const LATE_MS = 600_000;

/** Whether a device's battery is low, by its charge and by the device's own sign; absent what it never told. */
export interface Battery {
  lowByCharge?: boolean;
  lowBySign?: boolean;
}

/** What is told of a battery. */
export interface ToldOfBattery {
  lowBattery?: boolean;
  /** Why: what `lowBattery` comes of. */
  battery?: Battery;
  /** When it was told to be well again, ms since the epoch. */
  wellAt?: number;
}

export interface SaidOfBattery {
  batteryPct?: number;
  batteryLow?: boolean;
}

/** Low is told at once, and so is well again; but a battery that was told so within the last hour stays low. */
export function toldAfter(before: ToldOfBattery, said: SaidOfBattery, at: number): ToldOfBattery {
  const battery = batteryAfter(before.battery ?? {}, said);
  if (isLow(battery)) return { battery, lowBattery: true };
  if (!before.lowBattery) return { battery, lowBattery: false };
  return isWithin(before.wellAt, at, WELL_EVERY_MS)
    ? { battery, lowBattery: true }
    : { battery, lowBattery: false, wellAt: at };
}

/** Whether what was heard at `at` was heard before `newest`, and is delivered after it. */
export function isLate(at: number, newest: number | undefined): boolean {
  return at !== newest && isWithin(at, newest, LATE_MS);
}

/** False also where `at` is earlier: the clock was set back. */
function isWithin(since: number | undefined, at: number | undefined, ms: number): boolean {
  return since !== undefined && at !== undefined && at >= since && at - since < ms;
}

/**
 * Charge and sign are judged apart, and neither takes back what the other says: a device has its own idea of
 * when its sign is due, and one that tells both would otherwise be low and well by turns.
 */
function batteryAfter(before: Battery, { batteryPct, batteryLow }: SaidOfBattery): Battery {
  return {
    ...before,
    ...(batteryPct !== undefined && {
      lowByCharge: batteryPct < (before.lowByCharge ? WELL_PCT : LOW_PCT),
    }),
    ...(batteryLow !== undefined && { lowBySign: batteryLow }),
  };
}

/** Low where either says so. */
function isLow({ lowByCharge = false, lowBySign = false }: Battery): boolean {
  return lowByCharge || lowBySign;
}

export function isSameBattery(one: Battery, other: Battery): boolean {
  return (
    (one.lowByCharge ?? false) === (other.lowByCharge ?? false) &&
    (one.lowBySign ?? false) === (other.lowBySign ?? false)
  );
}
