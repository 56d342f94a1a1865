import type { Random } from '../shop-floor/seeded-random.ts';

/** Firmware of a thermostat: reports its readings, is turned by hand, obeys the command `setpoint`. */
export interface Thermostat {
  /** Somebody turns it by half a degree or a whole one. */
  turn(): void;
  command(name: string, payload: Record<string, unknown>): void;
  /** To be called often; `at` is ms, monotonic. */
  tick(at: number): void;
}

export interface ThermostatOptions {
  random: Random;
  /** Between reports, ms. */
  everyMs: number;
  now(): number;
  isUp(): boolean;
  send(name: 'thermostat' | 'replies/setpoint', fields: object): void;
}

/** What hands turn it to, °C, and what it takes from afar. */
const COMFORT_C = [18, 23] as const;
const RANGE_C = [5, 30] as const;
const STEPS_C = [-1, -0.5, 0.5, 1] as const;
/** How much of the way to the setpoint the room goes between two reports. */
const DRIFT = 0.1;
const REMEMBERED = 32;

export function thermostat({ random, everyMs, now, isUp, send }: ThermostatOptions): Thermostat {
  let setpointC = random.pick([19.5, 20, 20.5, 21]);
  let currentC = setpointC + random.between(-1.5, 0.5);
  let reportAt = Number.NEGATIVE_INFINITY;
  /** Answers by command id: a command that comes twice is obeyed once and answered twice. */
  const answers = new Map<string, { ok: boolean; error?: string }>();

  function report(): void {
    const valvePct = Math.round(Math.min(Math.max((setpointC - currentC) * 40, 0), 100));
    send('thermostat', { setpointC, currentC: Math.round(currentC * 10) / 10, mode: 'heat', valvePct });
  }

  function obey(payload: Record<string, unknown>): { ok: boolean; error?: string } {
    const { setpointC: wanted, expiresAt } = payload;
    if (Date.parse(String(expiresAt)) <= now()) return { ok: false, error: 'expired' };
    if (typeof wanted !== 'number' || wanted < RANGE_C[0] || wanted > RANGE_C[1]) {
      return { ok: false, error: `setpointC must be ${RANGE_C[0]} to ${RANGE_C[1]}` };
    }
    setpointC = wanted;
    return { ok: true };
  }

  return {
    turn() {
      const steps = STEPS_C.map((step) => setpointC + step);
      setpointC = random.pick(steps.filter((to) => to >= COMFORT_C[0] && to <= COMFORT_C[1]));
      report();
    },
    command(name, payload) {
      const id = payload.id;
      if (name !== 'setpoint' || typeof id !== 'string') return;
      const known = answers.get(id);
      const answer = known ?? obey(payload);
      answers.set(id, answer);
      if (answers.size > REMEMBERED) answers.delete([...answers.keys()][0] ?? '');
      send('replies/setpoint', { id, ...answer });
      if (!known && answer.ok) report();
    },
    tick(at) {
      if (at < reportAt || !isUp()) return;
      reportAt = at + everyMs;
      currentC += (setpointC - currentC) * DRIFT + 0.05 * random.normal();
      report();
    },
  };
}
