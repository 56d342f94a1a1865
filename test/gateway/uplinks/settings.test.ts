import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { check } from '../../../gateway/cli/check.ts';
import { ConfigError, parseConfig } from '../../../gateway/config.ts';
import { isPlatform, openUplink, uplinkName } from '../../../gateway/uplinks/index.ts';
import { freePort } from '../../support/free-port.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { event, personalEvent, secretFile, storeServer } from './receivers.ts';

const SHOP = 'store: {id: s1, gateway: g1, timezone: Europe/Paris}\nmode: off\nmap: {}\n';
const SEGMENT = '{kind: segment, url: "https://api.segment.io", writeKeyFile: keys/segment}';
const UNOMI = '{kind: unomi, url: "https://unomi.example", scope: shops, keyFile: keys/unomi, ca: ca.pem}';
const HTTP = '{kind: http, url: "https://profiles.example"}';

const uplinksOf = (...uplinks: string[]) =>
  parseConfig(`${SHOP}uplinks: [${uplinks.join(', ')}]`, '/etc/aisle/aisle.yaml').uplinks;

/** What a person is told of this one. */
function told(uplink: string): string {
  try {
    uplinksOf(uplink);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

describe('a configuration of', () => {
  it('Segment and Unomi has absolute file names, and the defaults', () => {
    expect(uplinksOf(SEGMENT, UNOMI)).toEqual([
      { kind: 'segment', url: 'https://api.segment.io', writeKeyFile: '/etc/aisle/keys/segment' },
      {
        kind: 'unomi',
        url: 'https://unomi.example',
        scope: 'shops',
        keyFile: '/etc/aisle/keys/unomi',
        ca: '/etc/aisle/ca.pem',
        confirm: false,
        profileCookie: 'context-profile-id',
      },
    ]);
    expect(uplinksOf(SEGMENT, UNOMI).map(uplinkName)).toEqual([
      'segment https://api.segment.io',
      'unomi https://unomi.example',
    ]);
  });

  it.each([
    ['{kind: segment, url: "https://api.segment.io"}', /writeKeyFile/],
    ['{kind: segment, url: "https://api.segment.io", writeKeyfile: a}', /did you mean "writeKeyFile"/],
    ['{kind: unomi, url: "https://u", keyFile: a}', /scope/],
    ['{kind: unomi, url: "https://u", keyFile: a, scope: "urn:shop"}', /scope.*must be 1 to 60 of/],
    ['{kind: unomi, url: "https://u", keyFile: a, scope: s, tenant: "a:b"}', /tenant.*must have no colon/],
    ['{kind: unomi, url: "https://u", keyFile: a, scope: s, profileCookie: "a;b"}', /must be a cookie name/],
  ])('%s says what is wrong', (uplink, why) => {
    expect(told(uplink)).toMatch(why);
  });
});

it('only http and mqtt bring consent lists and commands', () => {
  const all = uplinksOf(SEGMENT, UNOMI, HTTP, '{kind: mqtt, url: "mqtts://broker.example"}');
  expect(all.filter(isPlatform).map(({ kind }) => kind)).toEqual(['http', 'mqtt']);
});

it('is opened by its kind', async () => {
  const { port, requests } = await storeServer(({ response }) => response.end('{"updated":4}'));
  const url = `http://127.0.0.1:${port}`;
  const keyFile = secretFile('key');
  const settings = [
    `{kind: segment, url: "${url}", writeKeyFile: "${keyFile}"}`,
    `{kind: unomi, url: "${url}", keyFile: "${keyFile}", scope: shops}`,
  ];
  for (const config of uplinksOf(...settings)) {
    const uplink = openUplink(config, { id: 's1', gateway: 'g1' });
    onTestFinished(() => uplink.close());
    await uplink.send([event(1), personalEvent(2)], new AbortController().signal);
  }
  expect(requests.map(({ url: { pathname } }) => pathname)).toEqual(['/v1/batch', '/cxs/eventcollector']);
});

describe('aisle check', () => {
  async function findings(...uplinks: string[]) {
    const folder = temporaryFolder();
    const inputs = `inputs: {mqtt: {listen: "127.0.0.1:${await freePort()}"}}\n`;
    const file = join(folder, 'aisle.yaml');
    writeFileSync(file, `${SHOP}${inputs}uplinks: [${uplinks.join(', ')}]`);
    return (await check(file)).findings.map(({ level, text }) => `${level} ${text}`).join('\n');
  }

  it('looks for their keys', async () => {
    const said = await findings(SEGMENT, UNOMI);
    expect(said).toMatch(/error uplinks\.0\.writeKeyFile: .*segment cannot be read/);
    expect(said).toMatch(/error uplinks\.1\.keyFile: .*unomi cannot be read/);
    expect(said).toMatch(/error uplinks\.1\.ca: .*ca\.pem cannot be read/);
  });

  it('warns of what goes nowhere, and of answers that nothing confirms', async () => {
    const alone = await findings(UNOMI);
    expect(alone).toContain('warning uplinks: none of http or mqtt');
    expect(alone).toContain('warning uplinks: unomi takes events of persons alone');
    expect(alone).toContain('warning uplinks.0.confirm: Unomi says 200');
    const beside = await findings(UNOMI.replace('ca:', 'confirm: true, ca:'), HTTP);
    expect(beside).not.toMatch(/warning uplinks/);
  });
});
