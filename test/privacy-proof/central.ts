import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { type ConsentRecord, withdrawn } from '../../firmware-sim/consent-issuer.ts';
import { createIssuerKey, readIssuerKey } from '../../firmware-sim/profile-store/issuer-key.ts';
import { openProfileStore, type ProfileStore } from '../../firmware-sim/profile-store/server.ts';
import { hasMosquitto, type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { type RecordingLine, recordingLine } from './line.ts';
import { STORE } from './people.ts';
import { GATEWAY, type Uplinks } from './plan.ts';

/** The retailer's side: a profile store, a broker that is not ours, and who signs. */
export interface Central {
  issuerKey: object;
  uplinks: Uplinks;
  /** What the gateway said to the profile store. */
  line: RecordingLine;
  profiles: ProfileStore;
  folder: string;
  /** What the broker handed to a subscriber of everything; nothing where there is no broker here. */
  heardByBroker(): Buffer[];
  /** As a platform that is careless sends it: records of other stores, expired and barring ones too. */
  giveConsents(records: readonly ConsentRecord[], at: number): Promise<void>;
  withdraw(records: readonly ConsentRecord[], at: number): Promise<void>;
  erase(subjectRefs: readonly string[], at: number): Promise<void>;
  close(): Promise<void>;
}

/** Records of one part: well under 1 MiB, signed. */
const PART = 1_000;

export async function openCentral(folder: string): Promise<Central> {
  const file = (name: string) => join(folder, name);
  const issuerKey = await createIssuerKey(file('issuer.jwk'));
  const issuer = await readIssuerKey(file('issuer.jwk'));
  const token = randomBytes(16).toString('hex');
  writeFileSync(file('token'), token, { mode: 0o600 });
  const data = file('profile-store');
  const profiles = await openProfileStore({ data, token, issuerKeyFile: file('issuer.jwk') });
  const line = await recordingLine(Number(new URL(profiles.url).port), file('to-profile-store'), 'near');
  const broker = hasMosquitto ? await openWatchedBroker(file('broker.password')) : undefined;
  let version = 0;

  const say = async (kind: 'consents' | 'command', payload: object) =>
    void profiles.downlink.enqueue(await issuer.sign(kind, payload));

  return {
    issuerKey,
    uplinks: {
      http: { url: `http://127.0.0.1:${line.port}`, tokenFile: file('token') },
      ...(broker && { mqtt: broker.uplink }),
    },
    line,
    profiles,
    folder: data,
    heardByBroker: () => broker?.heard ?? [],
    async giveConsents(records, at) {
      version += 1;
      const issuedAt = new Date(at).toISOString();
      const parts = Math.max(1, Math.ceil(records.length / PART));
      for (let part = 1; part <= parts; part += 1) {
        const slice = records.slice((part - 1) * PART, part * PART);
        const list = { storeId: STORE, list: 'full', version, issuedAt, part, parts, records: slice };
        await say('consents', list);
      }
    },
    async withdraw(records, at) {
      const previous = version;
      version += 1;
      const issuedAt = new Date(at).toISOString();
      const list = {
        storeId: STORE,
        list: 'change',
        version,
        previous,
        issuedAt,
        records: records.map(withdrawn),
      };
      await say('consents', list);
    },
    async erase(subjectRefs, at) {
      for (const [i, subjectRef] of subjectRefs.entries()) {
        await say('command', {
          ...{ id: `erase-${i}`, storeId: STORE, gateway: GATEWAY, action: 'erase', args: { subjectRef } },
          issuedAt: new Date(at).toISOString(),
          expiresAt: new Date(at + 3_600_000).toISOString(),
        });
      }
    },
    async close() {
      await broker?.close();
      await line.close();
      await profiles.close();
    },
  };
}

/** Debian's mosquitto, and a subscriber of `#` that keeps every octet. */
async function openWatchedBroker(passwordFile: string) {
  const broker: Mosquitto = await startMosquitto({});
  writeFileSync(passwordFile, 'watcher', { mode: 0o600 });
  const heard: Buffer[] = [];
  const watcher: MqttClient = await connectAsync(broker.url, {
    ...{ username: 'watcher', password: 'watcher', clientId: 'watcher', protocolVersion: 4 },
    ca: readFileSync(broker.ca),
  });
  watcher.on('message', (topic, payload) => heard.push(Buffer.concat([Buffer.from(`${topic} `), payload])));
  await watcher.subscribeAsync('#', { qos: 1 });
  return {
    uplink: { url: broker.url, userName: 'watcher', passwordFile, ca: broker.ca },
    heard,
    async close() {
      await watcher.endAsync(true);
      await broker.stop();
    },
  };
}
