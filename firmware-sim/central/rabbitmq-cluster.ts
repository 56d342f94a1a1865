import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lowPorts } from '../ports.ts';
import { startErlang } from './erlang.ts';
import { type RabbitmqNode, rabbitmqNode, type TlsFiles } from './rabbitmq-node.ts';

/** Three RabbitMQ nodes on this machine, everything of them in one folder and on loopback. */
export interface RabbitmqCluster {
  nodes: readonly RabbitmqNode[];
  /** Takes definitions as `rabbitmqctl import_definitions` would. */
  define(definitions: object): Promise<void>;
  /** The node that leads a quorum queue. */
  leaderOf(queue: string): Promise<RabbitmqNode>;
  /** Messages in a queue, those included that a worker has and did not acknowledge. */
  depthOf(queue: string): Promise<number>;
  /** Has every node believe that its disk is full, or not any more: RabbitMQ then reads no publisher. */
  fillDisks(areFull: boolean): Promise<void>;
  close(): Promise<void>;
}

/** Octets that have to be free: as many as no disk has, or few. */
const DISK_LIMIT = { full: 10 ** 18, usual: 50_000_000 };
const NAMES = ['r1@localhost', 'r2@localhost', 'r3@localhost'];

/** Starts them, the first before the others. Throws where one does not start. */
export async function startCluster(folder: string, tls: TlsFiles): Promise<RabbitmqCluster> {
  mkdirSync(folder, { mode: 0o700 });
  const ports = await lowPorts(1 + 4 * NAMES.length);
  const erlang = startErlang(folder, ports.shift() ?? 0, randomBytes(24).toString('hex'));
  const operator = { name: 'operator', password: randomBytes(24).toString('hex') };
  const nodes = NAMES.map((name) => {
    const [amqp = 0, mqtt = 0, mqtts = 0, distribution = 0] = ports.splice(0, 4);
    const own = join(folder, name.replace('@localhost', ''));
    return rabbitmqNode(erlang, {
      ...{ name, peers: NAMES, tls, operator, folder: own },
      ports: { amqp, mqtt, mqtts, distribution },
    });
  });

  async function close(): Promise<void> {
    await Promise.all(nodes.map((node) => node.stop()));
    await erlang.close();
  }

  /** Of a node that runs, whichever. */
  function ask(expression: string): Promise<string> {
    const asked = nodes.find((node) => node.pid() !== undefined);
    if (!asked) throw new Error('no node runs');
    return erlang.evaluate(asked.name, expression);
  }

  try {
    const [first, ...others] = nodes;
    await first?.start();
    await Promise.all(others.map((node) => node.start()));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    nodes,
    async define(definitions) {
      const file = join(folder, `definitions-${randomBytes(4).toString('hex')}.json`);
      writeFileSync(file, JSON.stringify(definitions), { mode: 0o600 });
      const answer = await ask(`rabbit_definitions:import_raw(element(2, file:read_file("${file}"))).`);
      if (answer !== 'ok') throw new Error(`definitions are refused: ${answer}`);
    },
    async leaderOf(queue) {
      const members = `ra:members({'%2F_${queue}', node()})`;
      const answer = await ask(`{ok, _, {_, Leader}} = ${members}, Leader.`);
      const leader = nodes.find(({ name }) => answer.includes(name));
      if (!leader) throw new Error(`nobody leads ${queue}: ${answer}`);
      return leader;
    },
    async depthOf(queue) {
      const found = `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"${queue}">>))`;
      return Number(await ask(`${found}, [{messages, N}] = rabbit_amqqueue:info(Q, [messages]), N.`));
    },
    async fillDisks(areFull) {
      const limit = areFull ? DISK_LIMIT.full : DISK_LIMIT.usual;
      const set = `rabbit_disk_monitor:set_disk_free_limit(${limit}).`;
      await Promise.all(nodes.map(({ name }) => erlang.evaluate(name, set)));
    },
    close,
  };
}
