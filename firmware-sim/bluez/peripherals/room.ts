/** The air around a thermostat. */
export interface Room {
  temperatureC(): number;
}

/** How fast it follows: after so long two thirds of the way to the setpoint are gone. */
const TIME_CONSTANT_MS = 300_000;

/** A room that drifts from `roomC` towards what `setpointC` says, by the clock `now` (ms). */
export function room({ roomC, setpointC, now }: { roomC: number; setpointC(): number; now(): number }): Room {
  let temperature = roomC;
  let at = now();
  return {
    temperatureC() {
      const goal = setpointC();
      temperature = goal + (temperature - goal) * Math.exp((at - now()) / TIME_CONSTANT_MS);
      at = now();
      return temperature;
    },
  };
}
