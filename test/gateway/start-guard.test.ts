import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { shopConfig } from '../../firmware-sim/demo/shop-config.ts';
import { createIssuerKey } from '../../firmware-sim/profile-store/issuer-key.ts';
import { check } from '../../gateway/cli/check.ts';
import { type Config, parseConfig, readConfig } from '../../gateway/config.ts';
import { openRoad } from '../../gateway/road.ts';
import { logLevel, refuseTrialKeys, startProblems } from '../../gateway/start-guard.ts';
import { aisle } from '../support/gateway-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const jwk = (kid: string) =>
  `{kty: OKP, crv: Ed25519, x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid: "${kid}"}`;

const yaml = (store: string, kid = 'issuer-1', more = '') => `
store: {id: ${store}, gateway: g1, timezone: Europe/Paris, notice: {id: n1, version: "1", languages: [fr]}}
mode: identify
map: {}
devices: []
clock: {source: trusted}
consents: {issuerKeys: [${jwk(kid)}]}
inputs: {mqtt: {listen: "127.0.0.1:0"}}
${more}`;

const shop = (...parts: Parameters<typeof yaml>) => parseConfig(yaml(...parts), '/shop/aisle.yaml');

/** A configuration in a folder of its own, `data` beside it; more of them may share the data. */
function configFile(folder: string, name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, `${text}\ndata: data\n`);
  return file;
}

/** Starts the road as the gateway does, and stops it. */
async function startOnce(config: Config): Promise<void> {
  const closers: (() => unknown)[] = [];
  try {
    openRoad(config, { log: pino({ level: 'silent' }) }, closers);
  } finally {
    for (const closer of closers.reverse()) await closer();
  }
}

/** `aisle <command>` with this level, to its end. */
function refusedStart(
  command: string,
  config: string,
  level: string,
): Promise<{ code: number | null; err: string }> {
  const child = spawn(process.execPath, aisle([command, '--config', config]), {
    env: { ...process.env, AISLE_LOG: level },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let err = '';
  child.stderr.on('data', (text) => {
    err += text;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, err })));
}

describe('R29: the log level', () => {
  it('is what was asked for, info where nothing was', () => {
    const asked = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'];
    expect(asked.map((level) => logLevel({ AISLE_LOG: level }))).toEqual(asked);
    expect([logLevel({}), logLevel({ AISLE_LOG: '', DEBUG: '' })]).toEqual(['info', 'info']);
  });

  it('is never trace, which would print what devices send, nor one that nobody knows', () => {
    expect(() => logLevel({ AISLE_LOG: 'trace' })).toThrow(
      'AISLE_LOG: "trace" would print what devices send: use one of fatal, error, warn, info, debug, silent',
    );
    for (const level of ['TRACE', 'all', '10', 'Info', 'toString']) {
      expect(() => logLevel({ AISLE_LOG: level })).toThrow(/is no level: use one of/);
    }
  });

  it('lets no library print messages either', () => {
    for (const DEBUG of ['*', 'mqttjs*', 'express mqtt-packet:parser', 'net,MQTTJS:client']) {
      expect(() => logLevel({ DEBUG })).toThrow(`DEBUG: "${DEBUG}" would print what devices send: unset it`);
    }
    for (const DEBUG of ['1', 'express', 'avvio,-mqttjs', 'mdns']) expect(logLevel({ DEBUG })).toBe('info');
  });

  it.each(['run', 'radio'])('trace ends the start of %s, before anything is opened', async (command) => {
    const folder = temporaryFolder();
    const file = configFile(folder, 'aisle.yaml', yaml('s1'));
    const { code, err } = await refusedStart(command, file, 'trace');
    expect([code, err]).toEqual([1, expect.stringMatching(/^aisle: AISLE_LOG: "trace" would print/)]);
    expect(existsSync(join(folder, 'data'))).toBe(false);
  });

  it('is a finding of check', async () => {
    const file = configFile(temporaryFolder(), 'aisle.yaml', yaml('s1'));
    const { ok, findings } = await check(file, { AISLE_LOG: 'trace' });
    expect(ok).toBe(false);
    expect(findings).toContainEqual({ level: 'error', text: expect.stringContaining('"trace" would print') });
    expect((await check(file, { AISLE_LOG: 'debug' })).ok).toBe(true);
  });
});

describe('R29: keys of demonstrations and tests', () => {
  it.each(['demo-1', 'test-key', 'DEMO-1'])('%s is not taken by a real store', (kid) => {
    expect(startProblems(shop('paris-12', kid))).toEqual([
      `consents.issuerKeys: ${kid} is a key of a demonstration or test; store "paris-12" is neither: take it out`,
    ]);
    expect(() => refuseTrialKeys(shop('paris-12', kid))).toThrow(/take it out/);
  });

  it.each([
    ['demo', 'demo-1'],
    ['test-lyon', 'test-1'],
    ['demo_2', 'test-1'],
    ['paris-12', 'issuer-1'],
    ['paris-12', 'testimony'],
  ])('store %s may take key %s', (store, kid) => {
    expect(startProblems(shop(store, kid))).toEqual([]);
  });

  it('a store that only sounds like a test is a real one', () => {
    expect(startProblems(shop('testerton', 'demo-1'))).toHaveLength(1);
  });

  it('a demonstration’s store draws its own key and takes no file', () => {
    const [problem] = startProblems(shop('demo', 'demo-1', 'storeKeyFile: /etc/aisle/store.key'));
    expect(problem).toMatch(/^storeKeyFile: store "demo" .* draws its own key/);
    expect(startProblems(shop('paris-12', 'issuer-1', 'storeKeyFile: /etc/aisle/store.key'))).toEqual([]);
  });

  it('end the start, and are a finding of check', async () => {
    const file = configFile(temporaryFolder(), 'aisle.yaml', yaml('paris-12', 'demo-1'));
    const { code, err } = await refusedStart('run', file, 'info');
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/^aisle: consents\.issuerKeys: demo-1 is a key of a demo/),
    ]);
    const { ok, findings } = await check(file);
    expect(ok).toBe(false);
    expect(findings).toContainEqual({ level: 'error', text: expect.stringContaining('demo-1 is a key of') });
  });

  it('are those of our demonstration, whose store a real one’s gateway would not be', async () => {
    const issuerKey = await createIssuerKey(join(temporaryFolder(), 'issuer.jwk'), 'demo-');
    const ports = { mqttPort: 1, dashboardPort: 2, radioPort: 3, lineUrl: 'http://127.0.0.1:4' };
    const demo = parseConfig(JSON.stringify(shopConfig({ ...ports, issuerKey })), '/demo/aisle.yaml');
    expect(startProblems(demo)).toEqual([]);
    const real = { ...demo, store: { ...demo.store, id: 'paris-12' } };
    expect(startProblems(real)).toHaveLength(1);
  });
});

describe('R29: a data folder', () => {
  it('is of the store that first ran on it, and refused to every other', async () => {
    const folder = temporaryFolder();
    const real = configFile(folder, 'real.yaml', yaml('paris-12'));
    const demo = configFile(folder, 'demo.yaml', yaml('demo', 'demo-1'));
    const second = configFile(folder, 'second.yaml', yaml('paris-12').replace('gateway: g1', 'gateway: g2'));
    await startOnce(readConfig(real));
    await startOnce(readConfig(real));
    await expect(startOnce(readConfig(demo))).rejects.toThrow(
      `data: ${join(folder, 'data')} belongs to store paris-12, gateway g1, this configuration is of store demo, gateway g1: give it a data folder of its own`,
    );
    await expect(startOnce(readConfig(second))).rejects.toThrow(
      /this configuration is of store paris-12, gateway g2/,
    );
    const { ok, findings } = await check(demo);
    expect(ok).toBe(false);
    expect(findings).toContainEqual({
      level: 'error',
      text: expect.stringContaining('belongs to store paris-12'),
    });
    await startOnce(readConfig(real));
    expect((await check(real)).ok).toBe(true);
  });
});
