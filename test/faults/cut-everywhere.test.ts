import { describe, expect, it, onTestFinished } from 'vitest';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { httpUplink } from '../../gateway/uplinks/http.ts';
import type { OutgoingEvent, Uplink } from '../../gateway/uplinks/uplink.ts';
import { broker, event, profileStore, type Receiver } from '../gateway/uplinks/receivers.ts';
import { committedAt } from '../support/book.ts';
import { anonymousShop } from '../support/button-shop.ts';
import { foreignReceiver } from '../support/foreign-receiver.ts';
import { judge, type LedgerEvent } from '../support/ledger.ts';
import { connectPacket, publish, rawClient } from '../support/raw-mqtt.ts';
import { openShop } from '../support/shop.ts';
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

/**
 * Each offset, but with the stand-in, which syncs each event to the disk: there each fifth in its short form,
 * and each by `AISLE_CUT_EVERY=1`.
 */
const EVERY = Number(process.env.AISLE_CUT_EVERY ?? 5);
const never = new AbortController().signal;

type Direction = 'up' | 'down';

/** Offsets of an exchange of so many octets: before the first, after each, and after the last. */
const offsets = (total: number, every = 1): number[] =>
  Array.from({ length: Math.ceil((total + 1) / every) }, (_, i) => i * every);

/** What an exchange has in octets, each way, on a connection of its own. */
async function measured(line: TcpProxy, exchange: () => Promise<unknown>) {
  const before = { up: line.passed('up'), down: line.passed('down') };
  await exchange();
  return { up: line.passed('up') - before.up, down: line.passed('down') - before.down };
}

/** The event as the ledger reads it. */
const entry = (body: string): LedgerEvent => JSON.parse(body);

async function foreign(): Promise<Receiver> {
  const receiver = await foreignReceiver();
  const line = await tcpProxy(receiver.port);
  return {
    line,
    uplink: ({ deadline } = {}) => httpUplink({ url: `http://127.0.0.1:${line.port}` }, deadline),
    taken: () => receiver.taken().map((one) => JSON.stringify(one)),
  };
}

describe.each<[string, number, () => Promise<Receiver>]>([
  ['HTTP, the stand-in profile store', EVERY, profileStore],
  ['HTTP, a foreign server', 1, foreign],
  ['MQTT, mosquitto', 1, () => broker()],
])('F11: %s, cut at each %i. octet', (_name, every, open) => {
  it.each<[Direction, 'reset' | 'half-close']>([
    ['up', 'reset'],
    ['down', 'reset'],
    ['up', 'half-close'],
    ['down', 'half-close'],
  ])(
    'P2: %s, by %s: what is said to be taken is there, and all is there once when sent again',
    {
      timeout: 600_000,
    },
    async (direction, how) => {
      const receiver = await open();
      const { line } = receiver;
      const sent: OutgoingEvent[] = [];
      const next = () => {
        const one = event(sent.length + 1);
        sent.push(one);
        return one;
      };

      async function once<T>(use: (uplink: Uplink) => Promise<T>): Promise<T> {
        const uplink = receiver.uplink({ deadline: 5_000 });
        try {
          return await use(uplink);
        } finally {
          await uplink.close();
        }
      }

      const total = (await measured(line, () => once((uplink) => uplink.send([next()], never))))[direction];
      for (const offset of offsets(total, every)) {
        const batch = [next()];
        await once(async (uplink) => {
          line.endAfter(direction, offset, how);
          const { accepted } = await uplink.send(batch, never).catch(() => ({ accepted: [] as string[] }));
          // Acknowledged ⊆ committed, at every offset: what the uplink says was taken is with the receiver.
          for (const id of accepted)
            await until(() => receiver.taken().some((body) => body.includes(id)), id);
          const left = batch.filter(({ id }) => !accepted.includes(id));
          line.endAfter('up', Number.POSITIVE_INFINITY);
          if (left.length > 0)
            expect((await uplink.send(left, never)).accepted).toEqual(left.map(({ id }) => id));
        });
      }
      await until(() => receiver.taken().length === sent.length, 'all of them');
      expect(judge({ acknowledged: [], committed: receiver.taken().map(entry) })).toEqual([]);
      expect(receiver.taken()).toEqual(sent.map(({ body }) => body));
    },
  );
});

const SHOP = anonymousShop(['b1']);

describe('F11: a device, cut after every octet of CONNECT and two presses, and of what it hears', () => {
  it('P1, P2: what was acknowledged is stored; what was not is sent again, and has one effect', {
    timeout: 600_000,
  }, async () => {
    const shop = await openShop(SHOP);
    onTestFinished(() => shop.close());
    const secret = Buffer.from(addDevice(readConfig(shop.config), 'b1', 0).secret);
    const gateway = await shop.start();
    const line = await tcpProxy(gateway.mqtt);
    const acknowledged = new Set<string>();
    // As many digits in each message, so that all have as many octets.
    let last = 100;

    /** Connects and presses twice in one write; true where both were acknowledged. */
    async function pressTwice(port: number, seqs: readonly number[]): Promise<boolean> {
      const client = await rawClient(port).catch(() => undefined);
      if (!client) return false;
      const presses = seqs.map((seq) => pressed(seq));
      client.send(connectPacket('b1', { password: secret }), ...presses);
      await until(() => client.isClosed() || client.answers('puback').length === seqs.length, 'an end');
      for (const seq of client.answers('puback')) acknowledged.add(`b1/b1/${seq}`);
      client.socket.destroy();
      return client.answers('puback').length === seqs.length;
    }

    /** Presses twice over a line that is cut there; sends both again, to the gateway itself, where PUBACK did not come. */
    async function cutAt(direction: Direction, offset: number): Promise<void> {
      const seqs = [last + 1, last + 2];
      last += 2;
      line.endAfter(direction, offset);
      const isAcknowledged = await pressTwice(line.port, seqs);
      line.endAfter(direction, Number.POSITIVE_INFINITY);
      if (!isAcknowledged) expect(await pressTwice(gateway.mqtt, seqs)).toBe(true);
    }

    const total = await measured(line, () => pressTwice(line.port, [++last, ++last]));
    for (const offset of offsets(total.up)) await cutAt('up', offset);
    for (const offset of offsets(total.down)) await cutAt('down', offset);
    expect(acknowledged.size).toBe(last - 100);
    await until(() => committedAt(shop.profiles).length >= last - 100, 'all of them');
    const presses = committedAt(shop.profiles).filter(({ type }) => type === 'aisle.button.pressed.v1');
    expect(judge({ acknowledged, committed: committedAt(shop.profiles) })).toEqual([]);
    expect(presses.map(({ causationid }) => causationid)).toEqual(
      Array.from({ length: last - 100 }, (_, i) => `b1/b1/${i + 101}`),
    );
  });
});

const pressed = (seq: number) =>
  publish('devices/b1/pressed', { boot: 'b1', seq, button: 1, press: 'press' }, { messageId: seq });
