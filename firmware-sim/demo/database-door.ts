import { readFileSync } from 'node:fs';
import { downlinkKey } from '../central/addresses.ts';
import { databaseClient } from '../central/database-client.ts';
import { enqueue } from '../central/downlink.ts';
import { eventsAfter, FIRST } from '../central/read.ts';
import type { CentralAddresses } from '../central.ts';
import { readIssuerKey } from '../profile-store/issuer-key.ts';
import type { StoreDoor } from './central-platform.ts';
import type { ReceivedEvent } from './ledger.ts';
import { GATEWAY, STORE } from './shop-config.ts';

const PAGE = 500;
const TOPIC = { consents: 'consents', command: 'commands' } as const;

/** The receiving side at its tables in PostgreSQL. Usable once `addressesFile` is there. */
export function databaseDoor(addressesFile: string, issuerKeyFile: string): StoreDoor {
  let opened: ReturnType<typeof databaseClient> | undefined;
  let after = FIRST;

  function client() {
    opened ??= databaseClient(addressesIn(addressesFile).database);
    return opened.connected();
  }

  return {
    async post(kind, payload) {
      const issuer = await readIssuerKey(issuerKeyFile);
      const address = downlinkKey({ store: STORE, gateway: GATEWAY }, TOPIC[kind]);
      await enqueue(await client(), address, await issuer.sign(kind, payload));
    },
    async newEvents() {
      const all: ReceivedEvent[] = [];
      for (;;) {
        const { events, next } = await eventsAfter(await client(), after, PAGE);
        all.push(...events);
        after = next;
        if (events.length < PAGE) return all;
      }
    },
    close: async () => opened?.end(),
  };
}

function addressesIn(file: string): CentralAddresses {
  return JSON.parse(readFileSync(file, 'utf8')) as CentralAddresses;
}
