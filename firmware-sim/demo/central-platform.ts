import { type ConsentRecord, changeList, fullList, withdrawn } from '../consent-issuer.ts';
import { keyOf } from '../shop-floor/keys.ts';
import { type Random, seededRandom } from '../shop-floor/seeded-random.ts';
import { shoppersOfTheDay } from '../shop-floor/shoppers.ts';
import type { ReceivedEvent } from './ledger.ts';
import { GATEWAY, NOTICE, STORE } from './shop-config.ts';

/**
 * The retailer's side, at the profile store's door: gives consents out and takes them back, turns a
 * thermostat from afar, reads what arrived.
 */
export interface CentralPlatform {
  /** Everybody who agreed, as the first full list. */
  giveConsents(): Promise<void>;
  /** Takes one consent back. */
  withdraw(subjectRef: string): Promise<void>;
  /** Those who have not withdrawn. */
  consenting(): string[];
  /** What the app of somebody who agreed shows at the kiosk, and whose it is. */
  appCode(): { subjectRef: string; code: string } | undefined;
  /** Sends a thermostat a setpoint, one after another; returns what it asked for. */
  sendSetpoint(random: Random): Promise<{ device: string; setpointC: number }>;
  /** Events that arrived since the last call, oldest first. */
  newEvents(): Promise<ReceivedEvent[]>;
  close(): Promise<void>;
}

/** Where the profile store is spoken to: by HTTP, or at the tables of one that outgrew one machine. */
export interface StoreDoor {
  /** Has the message signed and kept for the gateway. */
  post(kind: 'consents' | 'command', payload: object): Promise<void>;
  /** Events that arrived since the last call, oldest first. */
  newEvents(): Promise<ReceivedEvent[]>;
  close(): Promise<void>;
}

const CONSENT_YEARS_MS = 365 * 86_400_000;
const COMMAND_GOOD_FOR_MS = 60_000;

export function centralPlatform(
  door: StoreDoor,
  day: { seed: number; shoppers: number; consenting: number; thermostats: readonly { id: string }[] },
  now: () => number,
): CentralPlatform {
  const records = new Map(consentRecords(day, now()).map((record) => [record.subjectRef, record]));
  let version = 0;
  let commands = 0;

  const { post } = door;

  return {
    async giveConsents() {
      version += 1;
      for (const list of fullList(STORE, version, [...records.values()], now())) await post('consents', list);
    },
    async withdraw(subjectRef) {
      const record = records.get(subjectRef);
      if (!record) throw new Error(`${subjectRef} has no consent to withdraw`);
      records.delete(subjectRef);
      const list = changeList(STORE, version, [withdrawn(record)], now());
      version = list.version;
      await post('consents', list);
    },
    appCode() {
      for (const { subjectRef, keys } of records.values()) {
        for (const key of keys) if (key.kind === 'app') return { subjectRef, code: `aisle:${key.token}` };
      }
      return undefined;
    },
    consenting: () => [...records.keys()],
    async sendSetpoint(random) {
      const { id: device = '' } = day.thermostats[commands % day.thermostats.length] ?? {};
      commands += 1;
      const setpointC = 18 + random.below(9) / 2;
      await post('command', {
        id: `demo-${now()}-${commands}`,
        storeId: STORE,
        gateway: GATEWAY,
        action: 'setpoint',
        args: { device, setpointC },
        issuedAt: new Date(now()).toISOString(),
        expiresAt: new Date(now() + COMMAND_GOOD_FOR_MS).toISOString(),
      });
      return { device, setpointC };
    },
    newEvents: door.newEvents,
    close: door.close,
  };
}

function consentRecords(
  { seed, shoppers, consenting }: { seed: number; shoppers: number; consenting: number },
  at: number,
): ConsentRecord[] {
  const people = shoppersOfTheDay(shoppers, consenting, (name) => seededRandom(seed, name));
  return people.flatMap(({ index, subjectRef, carries }) => {
    if (subjectRef === undefined || (carries !== 'app' && carries !== 'loyalty-tag')) return [];
    const record: ConsentRecord = {
      recordId: `c_${index + 1}`,
      version: 1,
      subjectRef,
      purposes: ['recognition', 'location', 'interaction'],
      state: 'given',
      validFrom: new Date(at - 86_400_000).toISOString(),
      validUntil: new Date(at + CONSENT_YEARS_MS).toISOString(),
      noticeId: NOTICE.id,
      noticeVersion: NOTICE.version,
      language: 'en',
      method: 'app',
      stores: [STORE],
      keys: [keyOf(seed, index, carries)],
    };
    return [record];
  });
}
