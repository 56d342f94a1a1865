import { expect, it, onTestFinished } from 'vitest';
import { mqttUplink } from '../../../gateway/uplinks/mqtt.ts';
import { type CentralBroker, centralBroker } from '../../support/central-broker.ts';
import { tcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { event, events } from './receivers.ts';

const never = new AbortController().signal;

function uplinkTo({ scheme, port, settings }: CentralBroker, deadline?: number, via = port) {
  const url = `${scheme}://127.0.0.1:${via}`;
  const uplink = mqttUplink({ url, ...settings, store: 's1', gateway: 'g1' }, deadline);
  onTestFinished(() => uplink.close());
  return uplink;
}

it('publishes each event as structured JSON, QoS 1, to the topic of its name', async () => {
  const central = await centralBroker();
  const seen = await central.subscribe('#');
  const sent = [event(1), event(2, 'shelf.item.picked'), event(3, 'gateway.store.corrupt')];
  await uplinkTo(central).send(sent, never);
  await until(() => seen.length === 3, 'all of them');
  expect(seen.map(({ topic, qos }) => [topic, qos])).toEqual([
    ['stores/s1/gateways/g1/events/button-pressed', 1],
    ['stores/s1/gateways/g1/events/shelf-item-picked', 1],
    ['stores/s1/gateways/g1/events/gateway-store-corrupt', 1],
  ]);
  expect(seen.map(({ payload }) => payload)).toEqual(sent.map(({ body }) => body));
});

it('settles at once when the broker is killed in the middle, and brings all when it is back', async () => {
  const central = await centralBroker();
  const uplink = uplinkTo(central);
  const { accepted } = await uplink.send(events(1, 10), never);
  expect(accepted).toHaveLength(10);
  // It takes octets and answers nothing: so the batch is on its way when it dies.
  central.signal('SIGSTOP');
  const sending = uplink.send(events(11, 60), never).catch((error: Error) => error);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const killedAt = performance.now();
  await central.kill();
  expect(await sending).toBeInstanceOf(Error);
  expect(performance.now() - killedAt).toBeLessThan(5_000);
  await expect(uplink.send(events(11, 60), never)).rejects.toThrow(/ECONNREFUSED/);
  await central.start();
  const seen = await central.subscribe('stores/#');
  expect((await uplink.send(events(11, 60), never)).accepted).toHaveLength(50);
  await until(() => seen.length === 50, 'all of them');
});

it('says which were acknowledged where the line is cut after some', async () => {
  const central = await centralBroker();
  const line = await tcpProxy(central.port);
  const uplink = uplinkTo(central, 400, line.port);
  await uplink.send(events(1, 1), never);
  // Larger than the line's buffers together: the first are acknowledged while the last are not yet sent.
  const heavy = Array.from({ length: 100 }, (_, i) => event(i + 2, 'x', { text: 'x'.repeat(60_000) }));
  const sending = uplink.send(heavy, never);
  await until(() => line.swallowed() > 1_000_000, 'a part of them');
  line.set('swallow');
  const delivery = await sending.catch(() => ({ accepted: [] }));
  line.set('pass');
  const left = heavy.filter(({ id }) => !(delivery.accepted as string[]).includes(id));
  expect(left.length).toBeGreaterThan(0);
  const rest = await uplink.send(left, never);
  expect(rest.accepted.sort()).toEqual(left.map(({ id }) => id));
});

it('trusts no certificate but that of the configured authority', async () => {
  const central = await centralBroker({ tls: true });
  const { ca: _unknown, ...settings } = central.settings;
  const uplink = uplinkTo({ ...central, settings });
  await expect(uplink.send(events(1, 1), never)).rejects.toThrow(/self-signed|unable to verify/);
  const plain = uplinkTo({ ...central, scheme: 'mqtt' }, 1_000);
  await expect(plain.send(events(1, 1), never)).rejects.toThrow();
});
