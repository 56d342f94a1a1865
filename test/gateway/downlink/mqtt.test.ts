import { expect, it } from 'vitest';
import { centralBroker } from '../../support/central-broker.ts';
import { until } from '../../support/until.ts';
import { command, type Listener, list, listen, platform } from './platform.ts';

/** Debian's mosquitto as the platform's broker, and listeners to it. */
async function central() {
  const { issuer, jwk } = await platform();
  const broker = await centralBroker();
  const uplink = { kind: 'mqtt', url: `mqtt://127.0.0.1:${broker.port}`, ...broker.settings };
  const topic = (name: string) => `stores/s1/gateways/g1/${name}`;
  return {
    ...broker,
    say: async (...ids: string[]) => {
      for (const id of ids) broker.publish(topic('commands'), await issuer.sign('command', command(id)));
    },
    sayList: async (version: number) =>
      broker.publish(topic('consents'), await issuer.sign('consents', list(version))),
    sayAs: (name: string, text: string) => broker.publish(topic(name), text),
    listen: (): Listener => listen(jwk, [uplink]),
    /** Ends a listener once its subscription is known to hold. */
    async introduce(): Promise<void> {
      const gateway = listen(jwk, [uplink]);
      for (let n = 0; gateway.came.length === 0; n += 1) {
        broker.publish(topic('commands'), await issuer.sign('command', command(`hello ${n}`)));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      await gateway.close();
    },
  };
}

it('takes what is signed, on the gateway’s own topics', async () => {
  const { say, sayList, sayAs, introduce, listen: start } = await central();
  await introduce();
  await sayAs('../g2/commands', 'somebody else’s');
  await sayAs('commands', 'not signed');
  await say('a');
  await sayList(4);
  const gateway = start();
  await until(() => gateway.came.includes('list 4'), 'the list');
  expect(gateway.came.filter((what) => !what.includes('hello'))).toEqual(['command a', 'list 4']);
  expect(gateway.logged().match(/refused from/g)).toHaveLength(1);
});

it('has everything that came while it was away, from the first octet of its connection on', async () => {
  const { say, introduce, listen: start } = await central();
  await introduce();
  const ids = Array.from({ length: 30 }, (_, i) => `c${i}`);
  await say(...ids);
  const gateway = start();
  await until(() => gateway.came.includes('command c29'), 'the last of them');
  expect(gateway.came.filter((what) => !what.includes('hello'))).toEqual(ids.map((id) => `command ${id}`));
});

it('acknowledges a message once it is on disk: what was not comes again', async () => {
  const { say, introduce, listen: start } = await central();
  await introduce();
  const first = start();
  await say('a');
  await until(() => first.came.includes('command a'), 'the first');
  first.hold(true);
  await say('b');
  await until(() => first.came.includes('command b'), 'the second');
  await first.close();
  const second = start();
  await until(() => second.came.length > 0, 'what was not acknowledged');
  await say('c');
  await until(() => second.came.includes('command c'), 'the next');
  expect(second.came).toEqual(['command b', 'command c']);
});

it('has again what was turned away', async () => {
  const { say, introduce, listen: start } = await central();
  await introduce();
  const gateway = start();
  gateway.turnAway(true);
  await say('a');
  await new Promise((resolve) => setTimeout(resolve, 200));
  gateway.turnAway(false);
  await until(() => gateway.came.includes('command a'), 'the message');
});

it('comes back when the broker does', async () => {
  const { say, introduce, kill, start: startBroker, listen: start } = await central();
  await introduce();
  const gateway = start();
  await say('a');
  await until(() => gateway.came.includes('command a'), 'the first');
  await kill();
  await startBroker();
  await say('b');
  await until(() => gateway.came.includes('command b'), 'the second');
});
