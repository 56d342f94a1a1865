import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openProfileStore } from '../../../firmware-sim/profile-store/server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';
import { command, type Listener, list, listen, type Platform, platform } from './platform.ts';

/** The stand-in profile store with its signed downlink, and listeners to it. */
async function central(by?: Platform) {
  const { issuer, jwk, issuerKeyFile } = by ?? (await platform());
  const profiles = await openProfileStore({
    data: temporaryFolder(),
    token: 't',
    issuerKeyFile,
    holdMs: 200,
  });
  onTestFinished(() => profiles.close());
  const tokenFile = join(temporaryFolder(), 'token');
  writeFileSync(tokenFile, 't');
  const uplink = { kind: 'http', url: profiles.url, tokenFile };
  return {
    ...profiles,
    jwk,
    uplink,
    say: async (...ids: string[]) => {
      for (const id of ids) profiles.downlink.enqueue(await issuer.sign('command', command(id)));
    },
    sayList: async (version: number, more?: object) =>
      profiles.downlink.enqueue(await issuer.sign('consents', list(version, more))),
    listen: (cursor?: unknown): Listener => listen(jwk, [uplink], cursor),
  };
}

it('takes what is signed, in its order, as it comes', async () => {
  const { say, sayList, listen: start } = await central();
  await say('a', 'b');
  const gateway = start();
  await gateway.untilCame(2);
  await sayList(7);
  await gateway.untilCame(3);
  expect(gateway.came).toEqual(['command a', 'command b', 'list 7']);
  expect(Math.abs((gateway.dates[0] ?? 0) - Date.now())).toBeLessThan(5_000);
});

it('goes on after a restart behind the last message that was taken', async () => {
  const { say, listen: start } = await central();
  await say('a', 'b');
  const first = start();
  await first.untilCame(2);
  await until(() => first.cursor() !== undefined, 'the cursor');
  await first.close();
  await say('c');
  const second = start(first.cursor());
  await second.untilCame(1);
  expect(second.came).toEqual(['command c']);
});

it('has again after a restart what was not on disk', async () => {
  const { say, listen: start } = await central();
  const first = start();
  first.hold(true);
  await say('a');
  await first.untilCame(1);
  await first.close();
  const second = start(first.cursor());
  await second.untilCame(1);
  expect(second.came).toEqual(['command a']);
});

it('asks again for what was turned away', async () => {
  const { say, listen: start } = await central();
  const gateway = start();
  gateway.turnAway(true);
  await say('a');
  await new Promise((resolve) => setTimeout(resolve, 200));
  gateway.turnAway(false);
  await gateway.untilCame(1);
});

it('leaves what is forged, and takes what comes after it', async () => {
  const stranger = await platform();
  const { downlink, say, listen: start } = await central();
  downlink.enqueue(await stranger.issuer.sign('command', command('forged')));
  downlink.enqueue('not.a.message');
  await say('good');
  const gateway = start();
  await gateway.untilCame(1);
  expect(gateway.came).toEqual(['command good']);
  expect(gateway.logged()).toContain('signed by a key that is not in consents.issuerKeys');
});

it('stays before a list of which a part is still to come, whatever comes between', async () => {
  const { say, sayList, listen: start } = await central();
  await sayList(3, { part: 1, parts: 2 });
  await say('between');
  const first = start();
  await first.untilCame(1);
  await first.close();
  await sayList(3, { part: 2, parts: 2 });
  const second = start(first.cursor());
  await second.untilCame(2);
  expect(second.came).toEqual(['command between', 'list 3']);
  await until(() => second.cursor() !== undefined, 'the cursor');
  await second.close();
  const third = start(second.cursor());
  await say('after');
  await third.untilCame(1);
  expect(third.came).toEqual(['command after']);
});

it('comes back after the platform was away', async () => {
  const { faults, say, listen: start } = await central();
  faults.away = true;
  const gateway = start();
  await new Promise((resolve) => setTimeout(resolve, 100));
  faults.away = false;
  await say('a');
  await gateway.untilCame(1);
});

it('keeps the cursors of two platforms apart', async () => {
  const by = await platform();
  const [one, two] = [await central(by), await central(by)];
  await one.say('of one');
  await two.say('of two');
  const first = listen(by.jwk, [one.uplink, two.uplink]);
  await first.untilCame(2);
  await until(() => Object.keys((first.cursor() as object) ?? {}).length === 2, 'both cursors');
  await first.close();
  await two.say('more of two');
  const second = listen(by.jwk, [one.uplink, two.uplink], first.cursor());
  await second.untilCame(1);
  expect(second.came).toEqual(['command more of two']);
});

it('ends at once, also while a message waits for the disk, and takes nothing after', async () => {
  const { say, listen: start } = await central();
  const gateway = start();
  gateway.hold(true);
  await say('a', 'b');
  await gateway.untilCame(1);
  await gateway.close();
  gateway.hold(false);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(gateway.came).toEqual(['command a']);
});
