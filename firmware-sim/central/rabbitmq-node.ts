import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Erlang } from './erlang.ts';
import { PROGRAMS } from './installed.ts';
import { answers, closedAgain } from './listening.ts';
import { type ServerProcess, startServer } from './server-process.ts';

export interface NodePorts {
  amqp: number;
  mqtt: number;
  mqtts: number;
  distribution: number;
}

/** PEM files for MQTT over TLS. */
export interface TlsFiles {
  ca: string;
  cert: string;
  key: string;
}

export interface NodeSettings {
  name: string;
  /** All of the cluster, this one too. */
  peers: readonly string[];
  ports: NodePorts;
  tls: TlsFiles;
  /** The first account; without it RabbitMQ would make `guest`. */
  operator: { name: string; password: string };
  folder: string;
}

/** One RabbitMQ node, with its data and log in a folder of its own. */
export interface RabbitmqNode {
  readonly name: string;
  readonly ports: NodePorts;
  /** Nothing while it does not run. */
  pid(): number | undefined;
  /** Resolves when it takes AMQP, which it does last of all. */
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM: it leaves in order. */
  stop(): Promise<void>;
}

const START_MS = 120_000;

export function rabbitmqNode(erlang: Erlang, settings: NodeSettings): RabbitmqNode {
  const { name, ports, folder } = settings;
  const env = writeFiles(erlang, settings);
  let running: ServerProcess | undefined;
  return {
    name,
    ports,
    pid: () => (running?.isRunning() ? running.pid : undefined),
    async start() {
      const logFile = join(folder, 'console.log');
      const started = startServer({ command: PROGRAMS.rabbitmq, args: [], env, cwd: folder, logFile });
      running = started;
      await answers(ports.amqp, START_MS, () => {
        if (!started.isRunning()) throw new Error(`${name} ended: see ${logFile} and ${folder}`);
      });
    },
    async kill() {
      await running?.stop('SIGKILL');
      await closedAgain(ports.amqp);
    },
    stop: async () => running?.stop('SIGTERM', 30_000),
  };
}

function writeFiles(erlang: Erlang, settings: NodeSettings): NodeJS.ProcessEnv {
  const { name, folder, ports } = settings;
  const file = (path: string) => join(folder, path);
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(file('rabbitmq.conf'), configuration(settings), { mode: 0o600 });
  writeFileSync(file('enabled_plugins'), '[rabbitmq_mqtt].\n');
  writeFileSync(file('rabbitmq-env.conf'), '');
  return {
    ...erlang.env,
    // The start script then becomes Erlang instead of waiting for it: one process, by whose id it is killed.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_NODENAME: name,
    RABBITMQ_DIST_PORT: `${ports.distribution}`,
    RABBITMQ_MNESIA_BASE: file('data'),
    RABBITMQ_LOG_BASE: file('log'),
    RABBITMQ_CONFIG_FILE: file('rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: file('rabbitmq-env.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins'),
    RABBITMQ_GENERATED_CONFIG_DIR: file('generated'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}',
  };
}

function configuration({ name, peers, ports, tls, operator, folder }: NodeSettings): string {
  const lines = [
    `listeners.tcp.1 = 127.0.0.1:${ports.amqp}`,
    `mqtt.listeners.tcp.1 = 127.0.0.1:${ports.mqtt}`,
    `mqtt.listeners.ssl.1 = 127.0.0.1:${ports.mqtts}`,
    `ssl_options.cacertfile = ${tls.ca}`,
    `ssl_options.certfile = ${tls.cert}`,
    `ssl_options.keyfile = ${tls.key}`,
    'mqtt.allow_anonymous = false',
    // What waits for a gateway survives the node that it was connected to.
    'mqtt.durable_queue_type = quorum',
    `default_user = ${operator.name}`,
    `default_pass = ${operator.password}`,
    // Who is cut off from the others takes nothing, rather than what the others never see.
    'cluster_partition_handling = pause_minority',
    'cluster_formation.peer_discovery_backend = classic_config',
    ...peers.map((peer, i) => `cluster_formation.classic_config.nodes.${i + 1} = ${peer}`),
    `cluster_formation.target_cluster_size_hint = ${peers.length}`,
    // The first to start finds nobody, and need not look for long.
    'cluster_formation.discovery_retry_limit = 1',
    `log.file = ${join(folder, `${name}.log`)}`,
    // At `info` the log would name every connection; at any level it says nothing of what is in a message.
    'log.file.level = warning',
    'log.console = false',
    'raft.wal_max_size_bytes = 67108864',
    'disk_free_limit.absolute = 50MB',
  ];
  return `${lines.join('\n')}\n`;
}
