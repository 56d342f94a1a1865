import pg from 'pg';
import type { DatabaseAddress } from './postgresql.ts';

/** One connection to the database, made anew after it was lost. */
export interface DatabaseClient {
  /** Throws where the database is away. */
  connected(): Promise<pg.Client>;
  end(): Promise<void>;
}

export function databaseClient(address: DatabaseAddress): DatabaseClient {
  let client: Promise<pg.Client> | undefined;
  return {
    connected() {
      client ??= open(address, () => {
        client = undefined;
      });
      return client;
    },
    async end() {
      const last = await client?.catch(() => undefined);
      await last?.end().catch(() => {});
    },
  };
}

async function open(address: DatabaseAddress, lost: () => void): Promise<pg.Client> {
  const client = new pg.Client(address);
  client.on('error', lost);
  client.once('end', lost);
  try {
    await client.connect();
  } catch (error) {
    lost();
    throw error;
  }
  return client;
}
