import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brokerCertificates } from '../demo/certificates.ts';
import { program } from '../demo/programs.ts';
import { queueName, type Shop, userName } from './addresses.ts';
import { type Balancer, openBalancer } from './balancer.ts';
import { databaseClient } from './database-client.ts';
import { PUBLISHER, shopAccount, shopBinding, topology, WORKER } from './definitions.ts';
import { startDownlink } from './downlink.ts';
import { missingPackages } from './installed.ts';
import { type DatabaseAddress, startPostgresql } from './postgresql.ts';
import { type RabbitmqCluster, startCluster } from './rabbitmq-cluster.ts';
import { TABLES } from './schema.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import type { WorkerSettings } from './worker.ts';

/*
 * A receiving side for many shops, on engines that exist:
 *
 *   gateways ──MQTT QoS 1──▶ balancer ─▶ RabbitMQ r1 r2 r3 ──quorum queues──▶ workers ──▶ PostgreSQL
 *       ▲                                     │                                  │          events (source, id)
 *       └──────── consents, commands ◀────────┴──── downlink ◀── signed ◀────────┼───────── downlink
 *                                                            ack after COMMIT ◀──┘
 *
 * The broker acknowledges when a majority of its nodes has the event on disk, the worker when PostgreSQL
 * has. It shares no code with the gateway: what both agree on is the contract.
 */

export interface CentralOptions {
  /** Made where it is missing; as root its parents must let others pass. */
  folder: string;
  /** Queues, each with the events of its own shops. */
  shards?: number;
  /** Worker processes; each queue has one that works, the others wait to follow. */
  workers?: number;
  /** Of the address without TLS; default any free one. */
  mqttPort?: number;
}

export interface Worker {
  name: string;
  process: ServerProcess;
  /** How often it was connected and ready. */
  readyCount(): number;
  /** It stands between COMMIT and acknowledgement (`stopAt`). */
  isAtCommitted(): boolean;
}

export interface Central {
  /** For the gateways' `uplinks`; `ca` is a PEM file. */
  mqtt: { url: string; tlsUrl: string; ca: string };
  database: DatabaseAddress;
  cluster: RabbitmqCluster;
  /** Lets a shop in, once its events have a queue; without a password with a new one. */
  addShop(shop: Shop, password?: string): Promise<{ userName: string; password: string }>;
  startWorker(stopAt?: WorkerSettings['stopAt']): Worker;
  /** Every one that was started. */
  workers(): readonly Worker[];
  close(): Promise<void>;
}

const MOST_SHARDS = 64;

/** Starts everything, some 25 s on two cores. Throws with a sentence where a package is missing. */
export async function openCentral(options: CentralOptions): Promise<Central> {
  const { folder, shards = 1 } = options;
  const missing = missingPackages();
  if (missing !== undefined) throw new Error(missing);
  if (!(shards >= 1 && shards <= MOST_SHARDS)) throw new Error(`1 to ${MOST_SHARDS} shards`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // PostgreSQL, which is not root, has to pass through; nothing is listed by it.
  if (process.getuid?.() === 0) chmodSync(folder, 0o711);
  // Taken in order, given back in the opposite one, also where the start fails half-way.
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return { ...(await start(options, shards, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(
  { folder, workers = 2, mqttPort = 0 }: CentralOptions,
  shards: number,
  closers: (() => Promise<void>)[],
): Promise<Omit<Central, 'close'>> {
  const tls = await writeCertificates(folder);
  const starting = [
    startPostgresql(join(folder, 'postgresql')).then((it) => keep(it, closers)),
    startCluster(join(folder, 'rabbitmq'), tls).then((it) => keep(it, closers)),
  ] as const;
  // Where one fails the other is closed too, and for that it has to be there.
  await Promise.allSettled(starting);
  const [postgresql, cluster] = await Promise.all(starting);
  await makeTables(postgresql.address);
  const passwords = { worker: newPassword(), publisher: newPassword() };
  await cluster.define(topology(shards, passwords));
  const ports = cluster.nodes.map(({ ports: { amqp } }) => amqp);
  const database = postgresql.address;
  closers.push(startDownlink({ ports, name: PUBLISHER, password: passwords.publisher }, database).close);

  const all: Worker[] = [];
  function startWorker(stopAt?: WorkerSettings['stopAt']): Worker {
    const name = `worker-${all.length + 1}`;
    const broker = { ports, name: WORKER, password: passwords.worker };
    const queues = Array.from({ length: shards }, (_, shard) => queueName(shard));
    const settings: WorkerSettings = { name, broker, queues, database, ...(stopAt && { stopAt }) };
    const worker = workerProcess(folder, settings);
    all.push(worker);
    closers.push(() => worker.process.stop());
    return worker;
  }

  for (let i = 0; i < workers; i += 1) startWorker();
  const [plain, secure] = await Promise.all([
    openBalancer(
      cluster.nodes.map((node) => node.ports.mqtt),
      mqttPort,
    ).then((it) => keep(it, closers)),
    openBalancer(cluster.nodes.map((node) => node.ports.mqtts)).then((it) => keep(it, closers)),
  ]);
  return {
    mqtt: { url: address('mqtt', plain), tlsUrl: address('mqtts', secure), ca: tls.ca },
    ...{ database, cluster, startWorker, workers: () => all },
    async addShop(shop, password = newPassword()) {
      const account = shopAccount(shop, password);
      if (shards > 1) await cluster.define(shopBinding(shop, shards));
      await cluster.define(account);
      return { userName: userName(shop), password };
    },
  };
}

function keep<T extends { close(): Promise<void> }>(opened: T, closers: (() => Promise<void>)[]): T {
  closers.push(() => opened.close());
  return opened;
}

function address(scheme: string, { port }: Balancer): string {
  return `${scheme}://127.0.0.1:${port}`;
}

function newPassword(): string {
  return randomBytes(24).toString('base64url');
}

async function writeCertificates(folder: string) {
  const files = { ca: join(folder, 'ca.crt'), cert: join(folder, 'mqtt.crt'), key: join(folder, 'mqtt.key') };
  const made = await brokerCertificates();
  for (const name of ['ca', 'cert', 'key'] as const) writeFileSync(files[name], made[name], { mode: 0o600 });
  return files;
}

async function makeTables(database: DatabaseAddress): Promise<void> {
  const client = databaseClient(database);
  await (await client.connected()).query(TABLES);
  await client.end();
}

function workerProcess(folder: string, settings: WorkerSettings): Worker {
  const file = join(folder, `${settings.name}.json`);
  writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
  let ready = 0;
  let isAtCommitted = false;
  const process_ = startServer({
    command: process.execPath,
    args: [...program('firmware-sim/central/worker'), file],
    logFile: join(folder, `${settings.name}.log`),
    onLine(line) {
      const said = JSON.parse(line) as { ready?: boolean; at?: string };
      if (said.ready) ready += 1;
      if (said.at === 'committed') isAtCommitted = true;
    },
  });
  return {
    name: settings.name,
    process: process_,
    readyCount: () => ready,
    isAtCommitted: () => isAtCommitted,
  };
}
