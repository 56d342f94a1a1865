import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openProfileStore, type ProfileStore } from '../../firmware-sim/profile-store/server.ts';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { committedAt } from '../support/book.ts';
import { judge } from '../support/ledger.ts';
import type { Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { button } from './buttons.ts';
import { statesAt } from './cuts.ts';
import { expectedAt } from './places.ts';
import type { Recording } from './recording.ts';
import { layDown } from './verdict.ts';

const PRESSES = 20;

/**
 * Starts the real gateway on what a cut left, beside a profile store that has what it had then, and presses
 * a button on. Gives what the ledger has to say once all has arrived. The shop's own profile store is closed.
 */
export async function goOnAfterCut(shop: Shop, recording: Recording, place: number): Promise<string[]> {
  const config = readConfig(shop.config);
  const { acknowledged, committed } = expectedAt(recording, place);
  for (const { image } of statesAt(recording, [place], place)) layDown(image, config.data);
  const profiles = await profilesOfThen(shop, committed);
  const gateway = await shop.start();
  try {
    const id = 'b2';
    const { secret } = addDevice(config, id, Date.now());
    const sent = new Map<string, string>();
    const one = await button({ id, secret, boot: 'wednesday', qos: 1 }, { port: gateway.mqtt, sent });
    await one.press(PRESSES);
    await one.leave();
    const all = [...acknowledged, ...sent.values()];
    return await lastWord(() => judge({ acknowledged: all, committed: committedAt(profiles) }));
  } finally {
    await gateway.kill('SIGKILL');
    await profiles.close();
  }
}

/** On the address of the shop's own, which the gateway's debts are kept under. */
async function profilesOfThen(shop: Shop, committed: readonly object[]): Promise<ProfileStore> {
  const data = join(shop.folder, 'profiles-of-then');
  rmSync(data, { recursive: true, force: true });
  const profiles = await openProfileStore({
    data,
    token: readFileSync(join(shop.folder, 'token'), 'utf8'),
    port: Number(new URL(shop.profiles.url).port),
    issuerKeyFile: join(shop.folder, 'issuer.jwk'),
  });
  profiles.store.take(committed);
  return profiles;
}

/** What is said while events are on their way still is not the last word; nothing to say is. */
async function lastWord(said: () => string[]): Promise<string[]> {
  let word: string[] = [];
  const isOver = () => {
    word = said();
    return word.length === 0;
  };
  await until(isOver, 'everything that was acknowledged', 40_000).catch(() => {});
  return word;
}
