import { describe, expect, it } from 'vitest';
import { ATT } from '../../../firmware-sim/bluez/peripheral.ts';
import { type Eq3Options, eq3 } from '../../../firmware-sim/bluez/peripherals/eq-3.ts';
import { until } from '../../support/until.ts';

/** A thermostat with a link, and what it says in answer to a command: both in hex. */
function connected(options: Partial<Eq3Options> = {}) {
  const said: string[] = [];
  const thermostat = eq3({
    roomC: 21,
    setpointC: 21,
    firmware: '1.05',
    pushEveryMs: 0,
    now: () => 0,
    ...options,
  });
  thermostat.connected((_, value) => said.push(value.toString('hex')));
  const command = thermostat.services.at(-1)?.characteristics[0];
  return {
    thermostat,
    said,
    write: (hex: string) => command?.write?.(Buffer.from(hex, 'hex')),
    async ask(hex: string): Promise<string | undefined> {
      const before = said.length;
      command?.write?.(Buffer.from(hex, 'hex'));
      await until(() => said.length > before, `an answer to ${hex}`);
      return said.at(-1);
    },
  };
}

/**
 * Octets that were seen between other clients and real devices; their sources: rytilahti/python-eq3bt,
 * Heckie75/eQ-3-radiator-thermostat, softypit/esp32_mqtt_eq3 and the reports on their issues.
 */
describe('an eQ-3 answers as real ones were seen to', () => {
  it('tells mode, valve and setpoint', async () => {
    const { ask } = connected();
    expect(await ask('03110208151f05')).toBe('02010000042a');
    expect(await ask('4028')).toBe('020100000428');
  });

  it.each([
    ['manual', ['4128', '4040'], '020101000428'],
    ['boost', ['4128', '4501'], '020104500428'],
    ['boost is off again', ['4501', '4500', '412c', '4040'], '02010100042c'],
    ['on and off in auto', ['4109'], '020100000409'],
    ['a holiday', ['40a31f112b03'], '0201020004231f112b03'],
    ['to eco', ['112b24', '44'], '020100000424'],
  ])('%s', async (_, commands, last) => {
    const { ask } = connected({ roomC: 40 });
    let answer: string | undefined;
    for (const command of commands) answer = await ask(command);
    expect(answer).toBe(last);
  });

  it('with firmware from 1.20 tells its presets too', async () => {
    const { ask } = connected({ firmware: '1.20', roomC: 40 });
    expect(await ask('112822')).toBe('02010000042a00000000' + '1803282207');
    expect(await ask('1302')).toMatch(/02$/);
    expect(await ask('14191e')).toMatch(/191e282202$/);
  });

  it('with firmware 1.10 always tells an end of holiday', async () => {
    expect(await connected({ firmware: '1.10' }).ask('4128')).toBe('02010000042800000000');
  });

  it('says who it is, keeps programs, and refuses what it does not know', async () => {
    const { ask } = connected();
    expect(await ask('00')).toBe('01780000807581626163606067659e'.replace('78', '69'));
    expect(await ask('100622632a8922900000000000000000')).toBe('020206');
    expect(await ask('2006')).toBe('210622632a8922900000000000000000');
    expect(await ask('77')).toBe('0280');
  });

  it('takes a clock that came without its time from what was written before, and keeps the harm', async () => {
    const { ask, thermostat } = connected();
    await ask('03110208151f05');
    expect(thermostat.state()).toMatchObject({ clock: 'set' });
    await ask('100722632a8922900000000000000000');
    await ask('03');
    expect(thermostat.state()).toMatchObject({ clock: 'corrupt' });
  });

  it('takes 127.5 °C as it comes, and 17 octets not at all', () => {
    const { write, thermostat } = connected();
    write('41ff');
    expect(thermostat.state().setpointC).toBe(127.5);
    expect(() => write('')).toThrow(`ATT error ${ATT.invalidLength}`);
    expect(thermostat.services.at(-1)?.characteristics[0]?.maxLength).toBe(16);
  });

  it('says with its next status that its batteries are low, until there are new ones', async () => {
    const { ask, thermostat } = connected({ roomC: 40 });
    thermostat.battery?.(true);
    expect(await ask('4128')).toBe('020180000428');
    expect(await ask('4040')).toBe('020181000428');
    thermostat.battery?.(false);
    expect(await ask('4128')).toBe('020101000428');
  });

  it('never tells the temperature of its room, which drifts towards the setpoint by its clock', () => {
    let now = 0;
    const { thermostat } = connected({ roomC: 17, setpointC: 21, now: () => now });
    expect(thermostat.state().roomC).toBe(17);
    const at = [60_000, 300_000, 3_000_000].map((ms) => {
      now = ms;
      return Number(thermostat.state().roomC);
    });
    expect(at).toEqual([...at].sort((a, b) => a - b));
    expect(at[1]).toBeCloseTo(21 - 4 / Math.E, 5);
    expect(at[2]).toBeGreaterThan(20.99);
    expect(thermostat.services.map(({ uuid }) => uuid.slice(4, 8))).not.toContain('181a');
  });

  it('is heard as real ones are: its name, and manufacturer data without content', () => {
    // Tasmota's dump of a CC-RT-M-BLE, less the two letters that this one has not.
    expect(connected().thermostat.advertisement().toString('hex')).toBe(
      '020106' + '0a0943432d52542d424c45' + '0cff0000000000000000000000',
    );
  });

  it('answers nobody who hung up', async () => {
    const { thermostat, write, said } = connected();
    write('4128');
    thermostat.disconnected();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(said).toEqual([]);
  });
});
