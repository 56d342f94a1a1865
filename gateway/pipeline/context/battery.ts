/** Below so many per cent a battery is worth telling … */
const LOW_PCT = 20;
/** … and from so many on it is well again: a coin cell's charge wavers with the room's temperature. */
const WELL_PCT = 25;

/** Whether a device's battery is low, by its charge and by the device's own sign; absent what it never told. */
export interface Battery {
  lowByCharge?: boolean;
  lowBySign?: boolean;
}

export interface SaidOfBattery {
  batteryPct?: number;
  batteryLow?: boolean;
}

/**
 * Charge and sign are judged apart, and neither takes back what the other says: a device has its own idea of
 * when its sign is due, and one that tells both would otherwise be low and well by turns.
 */
export function batteryAfter(before: Battery, { batteryPct, batteryLow }: SaidOfBattery): Battery {
  return {
    ...before,
    ...(batteryPct !== undefined && {
      lowByCharge: batteryPct < (before.lowByCharge ? WELL_PCT : LOW_PCT),
    }),
    ...(batteryLow !== undefined && { lowBySign: batteryLow }),
  };
}

/** Low where either says so. */
export function isLow({ lowByCharge = false, lowBySign = false }: Battery): boolean {
  return lowByCharge || lowBySign;
}

export function isSameBattery(one: Battery, other: Battery): boolean {
  return (
    (one.lowByCharge ?? false) === (other.lowByCharge ?? false) &&
    (one.lowBySign ?? false) === (other.lowBySign ?? false)
  );
}
