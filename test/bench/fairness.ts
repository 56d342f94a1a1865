import { fork } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { generate, parser } from 'mqtt-packet';
import { liveLoad, pubackMs } from './loaded-shop/live.ts';
import { BUTTONS, loadedShop, machine, newFolder } from './loaded-shop/shop.ts';

/*
 * What devices feel of one that floods the gateway (P11, F18): publish to PUBACK of 20 buttons, alone, beside
 * a flood of 64 KB messages, and beside one of small messages, each as fast as its connection takes it.
 *
 *   npx tsx test/bench/fairness.ts [--seconds 20] [--live 200]
 *
 * The gateway and the flooding device are processes of their own. One line at the end.
 */

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    live: { type: 'string', default: '200' },
    /** The flooding device: `<port> <secret> <octets of a payload>`. */
    flood: { type: 'string' },
  },
});

if (values.flood === undefined) await measure();
else flood(...(values.flood.split(' ') as [string, string, string]));

async function measure(): Promise<void> {
  const shop = loadedShop(newFolder(), [...BUTTONS, 'flooder'], []);
  const { gateway, mqtt } = await shop.start();
  const live = shop.secrets.slice(0, 20);
  const { secret = '' } = shop.secrets[20] ?? {};
  const phase = async (octets?: number) => {
    const flooding = octets === undefined ? undefined : flooder(`${mqtt} ${secret} ${octets}`);
    await wait(2_000);
    const load = await liveLoad(mqtt, live, Number(values.live));
    await wait(Number(values.seconds) * 1_000);
    const presses = await load.stop();
    const floodPerS = await flooding?.stop();
    return {
      presses: presses.length,
      pubackMs: pubackMs(presses),
      ...(floodPerS !== undefined && { floodPerS }),
    };
  };
  const alone = await phase();
  const largeFlood = await phase(64_000);
  // The share of the one before is used up: it begins this one with what it gathered since.
  const smallFlood = await phase(60);
  const residentMB = gateway.residentMB();
  await gateway.stop('SIGTERM');
  shop.remove();
  process.stdout.write(
    `${JSON.stringify({ alone, largeFlood, smallFlood, gatewayMB: residentMB, ...machine() })}\n`,
  );
}

/** The flooding device as a process; `stop` gives how many of its messages were acknowledged a second. */
function flooder(arguments_: string): { stop(): Promise<number> } {
  const child = fork(new URL(import.meta.url), ['--flood', arguments_], { execArgv: ['--import', 'tsx'] });
  const startedAt = performance.now();
  let acknowledged = 0;
  child.on('message', (count: number) => {
    acknowledged = count;
  });
  return {
    async stop() {
      const seconds = (performance.now() - startedAt) / 1_000;
      child.kill();
      return Math.round(acknowledged / seconds);
    },
  };
}

function flood(port: string, secret: string, octets: string): void {
  let acknowledged = 0;
  let messageId = 0;
  const payload = JSON.stringify({ button: 1, press: 'press', text: 'x'.repeat(Number(octets) - 45) });
  const next = () => {
    messageId = (messageId % 65_535) + 1;
    const head = { cmd: 'publish', topic: 'devices/flooder/pressed', qos: 1 } as const;
    return generate({ ...head, payload, messageId, dup: false, retain: false });
  };
  const socket = connect(Number(port), '127.0.0.1');
  const write = () => {
    while (socket.write(next()));
  };
  socket.on('drain', write);
  const parsing = parser();
  parsing.on('packet', ({ cmd }) => {
    if (cmd === 'connack') write();
    if (cmd === 'puback') acknowledged += 1;
  });
  socket.on('data', (chunk) => parsing.parse(chunk));
  socket.on('error', ({ message }) => process.stderr.write(`the flood was ended: ${message}\n`));
  socket.on('close', () => process.exit());
  const session = { clean: true, keepalive: 60, protocolId: 'MQTT', protocolVersion: 4 } as const;
  const login = { clientId: 'flooder', username: 'flooder', password: Buffer.from(secret) };
  socket.write(generate({ cmd: 'connect', ...session, ...login }));
  setInterval(() => process.send?.(acknowledged), 200);
}
