import { describe, expect, it } from 'vitest';
import { thermostat } from '../../../firmware-sim/firmware/thermostat.ts';
import { seededRandom } from '../../../firmware-sim/shop-floor/seeded-random.ts';

const NOW = Date.UTC(2026, 2, 1, 10);
const LATER = new Date(NOW + 60_000).toISOString();
const EARLIER = new Date(NOW - 1).toISOString();

function device() {
  const told: { name: string; fields: Record<string, unknown> }[] = [];
  const built = thermostat({
    random: seededRandom(1, 'thermostat'),
    everyMs: 5_000,
    now: () => NOW,
    isUp: () => true,
    send: (name, fields) => void told.push({ name, fields: { ...fields } }),
  });
  return { built, told };
}

describe('a thermostat', () => {
  it('obeys a setpoint once, answers it each time it comes, and reports the change', () => {
    const { built, told } = device();
    const command = { id: 'c1', expiresAt: LATER, setpointC: 18.5 };
    built.command('setpoint', command);
    built.command('setpoint', command);
    expect(told.map(({ name }) => name)).toEqual(['replies/setpoint', 'thermostat', 'replies/setpoint']);
    expect(told[0]?.fields).toEqual({ id: 'c1', ok: true });
    expect(told[1]?.fields.setpointC).toBe(18.5);
  });

  it.each([
    ['expired', { expiresAt: EARLIER, setpointC: 20 }],
    ['out of its range', { expiresAt: LATER, setpointC: 45 }],
    ['not a number', { expiresAt: LATER, setpointC: '20' }],
  ])('refuses a setpoint that is %s', (_, wrong) => {
    const { built, told } = device();
    built.command('setpoint', { id: 'c1', ...wrong });
    expect(told).toHaveLength(1);
    expect(told[0]?.fields).toMatchObject({ id: 'c1', ok: false });
  });

  it('is turned within what people find comfortable', () => {
    const { built, told } = device();
    for (let i = 0; i < 200; i += 1) built.turn();
    for (const { fields } of told) {
      expect(fields.setpointC).toBeGreaterThanOrEqual(18);
      expect(fields.setpointC).toBeLessThanOrEqual(23);
    }
  });

  it('reports every five seconds', () => {
    const { built, told } = device();
    for (let at = 0; at <= 20_000; at += 50) built.tick(at);
    expect(told).toHaveLength(5);
  });
});
