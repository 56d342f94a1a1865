import { describe, expect, it } from 'vitest';
import type { LinkEvents } from '../../../../gateway/radio/gateway-link.ts';
import { type ThermostatMessages, thermostatMessages } from '../../../../gateway/radio/gatt/messages.ts';
import { virtualShop } from './one-thermostat.ts';

interface Sent {
  name: string;
  payload: Record<string, unknown>;
  acknowledge(): Promise<void>;
  lose(): Promise<void>;
}

/** A connection whose acknowledgements come when the test says so. */
function shop() {
  const { timers, pass } = virtualShop();
  const sent: Sent[] = [];
  const states: string[] = [];
  const commands: string[] = [];
  let events: LinkEvents | undefined;
  let isUp = false;
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  const messages: ThermostatMessages = thermostatMessages({
    boot: 'b1',
    timers,
    onCommand: (payload) => commands.push(Buffer.from(payload).toString()),
    link(heard) {
      events = heard;
      return {
        isUp: () => isUp,
        publish(name, payload) {
          if (name === 'state') states.push(payload);
          if (name === 'state') return Promise.resolve();
          return new Promise((resolve, reject) => {
            sent.push({
              name,
              payload: JSON.parse(payload),
              acknowledge() {
                resolve();
                return settled();
              },
              lose() {
                isUp = false;
                reject(new Error('the connection was closed'));
                return settled();
              },
            });
          });
        },
        close: async () => {},
      };
    },
  });
  return {
    messages,
    sent,
    states,
    commands,
    pass,
    order: (payload: string) => events?.onCommand('setpoint', Buffer.from(payload)),
    up() {
      isUp = true;
      events?.onUp();
    },
  };
}

describe('what a GATT thermostat tells the gateway', () => {
  it('is the newest reading where the gateway was away, and every reply', async () => {
    const { messages, sent, up } = shop();
    messages.said({ setpointC: 20, currentC: 18 });
    messages.answer('k1', { ok: true });
    messages.said({ setpointC: 21, currentC: 18 });
    messages.answer('k2', { ok: false, error: 'expired' });
    up();
    for (const at of [0, 1, 2]) await sent[at]?.acknowledge();
    expect(sent.map(({ name, payload }) => [name, payload])).toEqual([
      ['replies/setpoint', { id: 'k1', ok: true }],
      ['thermostat', { boot: 'b1', seq: 2, setpointC: 21, currentC: 18 }],
      ['replies/setpoint', { id: 'k2', ok: false, error: 'expired' }],
    ]);
  });

  it('P1: is sent again under the same number until it is acknowledged', async () => {
    const { messages, sent, up } = shop();
    up();
    messages.said({ setpointC: 20 });
    await sent[0]?.lose();
    up();
    await sent[1]?.lose();
    up();
    await sent[2]?.acknowledge();
    up();
    expect(sent.map(({ payload }) => payload)).toEqual(Array(3).fill({ boot: 'b1', seq: 1, setpointC: 20 }));
  });

  it('a reading under way is not taken back for a newer one', async () => {
    const { messages, sent, up } = shop();
    up();
    messages.said({ setpointC: 20 });
    messages.said({ setpointC: 21 });
    messages.said({ setpointC: 22 });
    await sent[0]?.acknowledge();
    await sent[1]?.acknowledge();
    expect(sent.map(({ payload }) => [payload.seq, payload.setpointC])).toEqual([
      [1, 20],
      [3, 22],
    ]);
  });

  it('that says the same is told once a minute: a connected eQ-3 says its status every second', async () => {
    const { messages, sent, up, pass } = shop();
    up();
    for (let second = 0; second < 150; second += 1) {
      messages.said({ setpointC: 20 });
      await sent.at(-1)?.acknowledge();
      await pass(1_000);
    }
    expect(sent).toHaveLength(3);
  });

  it('that its battery is low now is told at once, though all else is as it was', async () => {
    const { messages, sent, up } = shop();
    up();
    for (const batteryLow of [false, false, true, true]) {
      messages.said({ setpointC: 20, batteryLow });
      await sent.at(-1)?.acknowledge();
    }
    expect(sent.map(({ payload }) => payload.batteryLow)).toEqual([false, true]);
  });

  it('has a setpoint, or is told to nobody', () => {
    const { messages, sent, up } = shop();
    up();
    messages.said({ currentC: 19 });
    expect(sent).toEqual([]);
  });

  it('is online once it was read, and says so on every connection', () => {
    const { messages, states, up } = shop();
    up();
    expect(states).toEqual([]);
    messages.reached(true);
    up();
    messages.reached(false);
    expect(states).toEqual(['online', 'online', 'offline']);
  });

  it('hears its commands', () => {
    const { commands, order, up } = shop();
    up();
    order('{"id":"k1"}');
    expect(commands).toEqual(['{"id":"k1"}']);
  });
});
