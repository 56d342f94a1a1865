import { describe, expect, it, onTestFinished } from 'vitest';
import type { Delivery, OutgoingEvent, Uplink } from '../../../gateway/uplinks/uplink.ts';
import { until } from '../../support/until.ts';
import {
  broker,
  events as eventsOf,
  foreignServer,
  profileStore,
  type Receiver,
  type SuiteReceiver,
  segmentStore,
  unomiStore,
} from './receivers.ts';

/** What every uplink does, whatever it speaks, against receivers that are not this project's. */
const RECEIVERS: [string, () => Promise<SuiteReceiver>][] = [
  ['HTTP, the stand-in profile store', profileStore],
  ['HTTP, a foreign server', () => foreignServer()],
  ['MQTT, mosquitto', () => broker()],
  ['MQTT over TLS, mosquitto', () => broker({ tls: true })],
  ['Segment, a server after its documentation', () => segmentStore()],
  ['Unomi, a server after its source', () => unomiStore()],
];

const never = new AbortController().signal;
const ids = (sent: readonly OutgoingEvent[]) => sent.map(({ id }) => id);

/** What became of a batch: the delivery, or the reason why there is none. */
async function outcomeOf(sending: Promise<Delivery>): Promise<Delivery | string> {
  return sending.catch((error: Error) => error.message);
}

/** Sends what is left until nothing is: after no answer in time an uplink may take less at a time. */
async function bringAll(uplink: Uplink, events: readonly OutgoingEvent[]): Promise<void> {
  for (let left = events; left.length > 0; ) {
    const { accepted } = await uplink.send(left, never);
    expect(accepted).toEqual(ids(left.slice(0, accepted.length)));
    expect(accepted.length).toBeGreaterThan(0);
    left = left.slice(accepted.length);
  }
}

function opened(receiver: Receiver, options?: Parameters<Receiver['uplink']>[0]): Uplink {
  const uplink = receiver.uplink(options);
  onTestFinished(() => uplink.close());
  return uplink;
}

describe.each(RECEIVERS)('%s', (_name, open) => {
  /** A receiver, and events that it is for. */
  async function ready() {
    const receiver = await open();
    const events = (from: number, to: number) => eventsOf(from, to, receiver.event);
    return { receiver, events };
  }

  it('takes a batch, and has each event as it was sent', async () => {
    const { receiver, events } = await ready();
    const batch = [
      ...events(1, 99),
      receiver.event(100, 'zone.entered', { name: 'Schuhe – größer als 40', n: 1e-7 }),
    ];
    const { accepted, rejected } = await opened(receiver).send(batch, never);
    expect(accepted.sort()).toEqual(ids(batch));
    expect(rejected).toEqual([]);
    await until(() => receiver.taken().length === 100, 'all of them');
    expect(receiver.taken()).toEqual(batch.map(receiver.told));
  });

  it('takes two batches at a time', async () => {
    const { receiver, events } = await ready();
    const uplink = opened(receiver);
    const batches = [events(1, 50), events(51, 100)];
    const deliveries = await Promise.all(batches.map((batch) => uplink.send(batch, never)));
    expect(deliveries.map(({ accepted }) => accepted.sort())).toEqual(batches.map(ids));
    await until(() => receiver.taken().length === 100, 'all of them');
  });

  it('settles nothing while the other side is away, and takes it when it is back', async () => {
    const { receiver, events } = await ready();
    const uplink = opened(receiver);
    receiver.line.set('refuse');
    expect(await outcomeOf(uplink.send(events(1, 2), never))).toEqual(expect.any(String));
    expect(await outcomeOf(uplink.send(events(1, 2), never))).toEqual(expect.any(String));
    receiver.line.set('pass');
    expect((await uplink.send(events(1, 2), never)).accepted).toHaveLength(2);
  });

  it('settles at once where the other side hangs up without a word', async () => {
    const { receiver, events } = await ready();
    receiver.line.set('hang up');
    const uplink = opened(receiver);
    const startedAt = performance.now();
    expect(await outcomeOf(uplink.send(events(1, 2), never))).toEqual(expect.any(String));
    // Far sooner than its deadline of 15 s.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('settles by its deadline where nothing comes back, from the first octet on', async () => {
    const { receiver, events } = await ready();
    receiver.line.set('swallow');
    const uplink = opened(receiver, { deadline: 300 });
    const startedAt = performance.now();
    expect(await outcomeOf(uplink.send(events(1, 2), never))).toEqual(expect.any(String));
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('settles by its deadline where a line that was good swallows all, and goes on on a new one', async () => {
    const { receiver, events } = await ready();
    const uplink = opened(receiver, { deadline: 300 });
    await uplink.send(events(1, 1), never);
    receiver.line.set('swallow');
    const both = await Promise.all([
      outcomeOf(uplink.send(events(2, 3), never)),
      outcomeOf(uplink.send(events(4, 5), never)),
    ]);
    expect(both).toEqual([expect.any(String), expect.any(String)]);
    receiver.line.set('pass');
    await bringAll(uplink, events(2, 5));
    await until(() => receiver.taken().length === 5, 'each once');
  });

  it('settles at once where the line is cut in the middle, and nothing is counted twice', async () => {
    const { receiver, events } = await ready();
    const uplink = opened(receiver);
    await uplink.send(events(1, 1), never);
    receiver.line.set('swallow');
    const sending = outcomeOf(uplink.send(events(2, 3), never));
    await until(() => receiver.line.swallowed() > 0, 'the batch on the line');
    receiver.line.cut();
    expect(await sending).toEqual(expect.any(String));
    receiver.line.set('pass');
    expect((await uplink.send(events(2, 3), never)).accepted).toHaveLength(2);
    await until(() => receiver.taken().length === 3, 'each once');
  });

  it('settles at once when it is told to end', async () => {
    const { receiver, events } = await ready();
    const uplink = opened(receiver);
    receiver.line.set('swallow');
    const ending = new AbortController();
    const sending = outcomeOf(uplink.send(events(1, 2), ending.signal));
    await until(() => receiver.line.swallowed() > 0, 'the batch or the connection on the line');
    const toldAt = performance.now();
    ending.abort();
    expect(await sending).toEqual(expect.any(String));
    await uplink.close();
    expect(performance.now() - toldAt).toBeLessThan(5_000);
  });

  it('sends nothing when it was told to end before', async () => {
    const { receiver, events } = await ready();
    receiver.line.set('swallow');
    const startedAt = performance.now();
    expect(await outcomeOf(opened(receiver).send(events(1, 2), AbortSignal.abort()))).toEqual(
      expect.any(String),
    );
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('takes nothing with wrong credentials, and says so', async () => {
    const { receiver, events } = await ready();
    const uplink = opened(receiver, { secret: 'wrong' });
    expect(await outcomeOf(uplink.send(events(1, 2), never))).toMatch(/HTTP 401|[Nn]ot authori[sz]ed/);
    expect(receiver.taken()).toEqual([]);
  });

  it('ends whatever the other side does', async () => {
    const { receiver, events } = await ready();
    const uplink = opened(receiver, { deadline: 200 });
    await uplink.send(events(1, 1), never);
    receiver.line.set('swallow');
    await outcomeOf(uplink.send(events(2, 2), never));
    await uplink.close();
    const unused = opened(receiver);
    await unused.close();
  });
});
