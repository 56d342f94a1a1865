import { describe, expect, it } from 'vitest';
import type { Reading } from '../../devices/device.ts';
import { thermostat } from '../../devices/thermostat.ts';

/** What the payload of `devices/<id>/thermostat` says; nothing where it is of another form. */
function said(payload: object): Reading[] | undefined {
  const { schema, read } = thermostat.messages.thermostat;
  const { success, data } = schema.safeParse(payload);
  return success ? read(data as never) : undefined;
}

describe('a thermostat’s message', () => {
  it('says beside the setpoint that the battery is low, or that it is not', () => {
    const setpoint = { kind: 'thermostat', setpointC: 20 };
    expect(said({ setpointC: 20 })).toEqual([setpoint]);
    expect(said({ setpointC: 20, batteryLow: true })).toEqual([
      setpoint,
      { kind: 'health', batteryLow: true },
    ]);
    expect(said({ setpointC: 20, batteryLow: false })?.[1]).toEqual({ kind: 'health', batteryLow: false });
  });

  it.each(['low', 'true', 1, null])('is of no form where the sign is %j', (batteryLow) => {
    expect(said({ setpointC: 20, batteryLow })).toBeUndefined();
  });
});
