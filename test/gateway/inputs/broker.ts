import { onTestFinished } from 'vitest';
import type { Message } from '../../../devices/device.ts';
import { type Broker, type BrokerParts, openBroker } from '../../../gateway/inputs/mqtt-broker.ts';

/** A message that a test's broker took, waiting to be settled by the test. */
export interface TakenMessage {
  topic: string;
  device: string;
  text: string;
  settle(refused?: Error): void;
}

export interface TestBroker {
  broker: Broker;
  port: number;
  taken: TakenMessage[];
  /** `what origin` of everything that was turned away. */
  refused: string[];
  subscribed: string[];
}

/** Devices `dev-1`, `dev-10`, `shelf-1` and the shared `app`; the secret of each is `secret of <id>`. */
const DEVICES = ['dev-1', 'dev-10', 'shelf-1', 'app', 'app-1'];

/**
 * The shop's broker with the rest of the gateway played by the test. `settles: 'at once'` acknowledges
 * each message as it comes, `'by the test'` waits for `settle`.
 */
export async function testBroker(
  settles: 'at once' | 'by the test' = 'at once',
  more: Partial<BrokerParts> = {},
): Promise<TestBroker> {
  const taken: TakenMessage[] = [];
  const refused: string[] = [];
  const subscribed: string[] = [];
  const broker = await openBroker({
    listen: { host: '127.0.0.1', port: 0 },
    verify: (device, secret) =>
      DEVICES.includes(device) && Buffer.from(secret).toString() === `secret of ${device}`,
    isShared: (device) => device === 'app',
    now: () => 1_000,
    take(message: Message, done) {
      const { topic, device, payload } = message;
      taken.push({ topic, device, text: Buffer.from(payload).toString(), settle: done });
      if (settles === 'at once') done();
    },
    subscribed: (device) => subscribed.push(device),
    refused: (what, origin) => refused.push(`${what}: ${origin}`),
    ...more,
  });
  onTestFinished(() => broker.close());
  return { broker, port: broker.address.port, taken, refused, subscribed };
}
