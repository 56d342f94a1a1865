import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { compactVerify, decodeProtectedHeader, importJWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { verifyStoredAudit } from '../../../gateway/cli/audit.ts';
import { importConsents } from '../../../gateway/cli/consents.ts';
import { exportEvents } from '../../../gateway/cli/export.ts';
import { onLocalRoad, tickNow } from '../../../gateway/cli/local.ts';
import { eraseSubject, exportSubject } from '../../../gateway/cli/subject.ts';
import type { Config } from '../../../gateway/config.ts';
import { EVENT_TYPES } from '../../../gateway/event-types.ts';
import { signingKey } from '../../../gateway/signing-key.ts';
import { openStoreKey } from '../../../gateway/store-key.ts';
import { problemsOf } from '../event-lint.ts';
import { aisle, type CommandShop, commandShop, customer } from './command.ts';
import { runningShop } from './running-gateway.ts';

const UUID = 'f7826da6-4fa2-4e98-8024-bc5b71e0893e';

/** Two people agreed; both are in the shop, and what is told of them waits. No gateway runs. */
async function shopWithTwo(): Promise<CommandShop> {
  const shop = await commandShop();
  const people = [customer(1), customer(2)];
  await importConsents(await shop.issue(people), shop.config);
  await onLocalRoad(shop.config, async (road) => {
    await tickNow(road);
    for (const { token } of people) {
      const report = { token, beacons: [{ uuid: UUID, major: 1, minor: 1, rssi: -60 }] };
      const payload = Buffer.from(JSON.stringify(report));
      await road.take({
        kind: 'message',
        topic: 'devices/app/ranged',
        device: 'app',
        payload,
        at: road.now(),
      });
    }
  });
  return shop;
}

const exported = async (config: Config, ref: string) =>
  JSON.parse(await exportSubject(config, ref, Date.now()));

async function certificateOf(shop: CommandShop, jws: string) {
  const { jwk } = signingKey(openStoreKey(shop.config.data).derive('signing'));
  const { payload } = await compactVerify(jws, await importJWK({ ...jwk }, 'EdDSA'));
  return JSON.parse(Buffer.from(payload).toString());
}

describe('aisle subject export', () => {
  it('R16: gives everything that is held of one person, and nothing of another', async () => {
    const shop = await shopWithTwo();
    const { code, stdout } = await aisle('subject', 'export', 'person-1', '--config', shop.file);
    expect(code).toBe(0);
    const data = JSON.parse(stdout);
    expect(data).toMatchObject({
      subjectRef: 'person-1',
      storeId: 'lyon-1',
      consents: [{ recordId: 'consent-1', purposes: ['recognition', 'location'], keys: [{ kind: 'app' }] }],
      visits: [{ recordId: 'consent-1', subjectRef: 'person-1' }],
      deadLetters: [],
      audit: [{ what: 'granted', record: 'consent-1', version: 1, detail: 'recognition location' }],
      recipients: [expect.stringContaining('nobody yet')],
    });
    const types = data.waiting.map(({ type }: { type: string }) => type);
    expect(types).toEqual(['aisle.visit.started.v1', 'aisle.zone.entered.v1']);
    expect(data.waiting[0].data.subject.ref).toBe('person-1');
    expect(stdout).not.toMatch(/person-2|consent-2/);
  });

  it('R13: shows of a key its kind and its end, too little to use it', async () => {
    const shop = await shopWithTwo();
    const { consents } = await exported(shop.config, 'person-1');
    expect(consents[0].keys).toEqual([{ kind: 'app', token: '…0001' }]);
    expect(JSON.stringify(consents)).not.toContain('feedface');
  });

  it('of somebody unknown gives empty lists', async () => {
    const shop = await shopWithTwo();
    const data = await exported(shop.config, 'person-9');
    const { consents, visits, waiting, deadLetters, choices, tagClocks, audit } = data;
    expect([consents, visits, waiting, deadLetters, choices, tagClocks, audit].flat()).toEqual([]);
  });

  it('ends with 1 and a sentence where nothing was ever stored', async () => {
    const shop = await commandShop();
    const ran = await aisle('subject', 'export', 'person-1', '--config', shop.file);
    expect(ran).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('no database there yet'),
    });
  });

  it('R23: asks a running gateway, with its token, and names the person in the body alone', async () => {
    const shop = await runningShop(() => ({ status: 200, body: { subjectRef: 'person-1' } }));
    expect(await exported(shop.config, 'person-1')).toEqual({ subjectRef: 'person-1' });
    expect(shop.asked).toEqual([
      {
        path: '/api/subjects/export',
        authorization: 'Bearer a-token',
        contentType: 'application/json',
        body: '{"ref":"person-1"}',
      },
    ]);
  });
});

describe('aisle subject erase', () => {
  it('R15: removes everything of one person, certifies it by signature, and leaves the other', async () => {
    const shop = await shopWithTwo();
    const { code, stdout } = await aisle('subject', 'erase', 'person-1', '--config', shop.file);
    expect(code).toBe(0);
    const jws = stdout.trim();
    expect(decodeProtectedHeader(jws)).toMatchObject({ alg: 'EdDSA', typ: 'aisle-erasure' });
    const certificate = await certificateOf(shop, jws);
    expect(certificate).toMatchObject({
      storeId: 'lyon-1',
      recordIds: ['consent-1'],
      counts: { keys: 1, queued: 2 },
    });
    expect(JSON.stringify(certificate)).not.toContain('person-1');
    const { consents, visits, waiting } = await exported(shop.config, 'person-1');
    expect([consents, visits, waiting].flat()).toEqual([]);
    const other = await exported(shop.config, 'person-2');
    expect([other.consents, other.visits, other.waiting].map((held) => held.length)).toEqual([1, 1, 2]);
  });

  it('R15: leaves no byte of the person in the data folder', async () => {
    const shop = await shopWithTwo();
    await eraseSubject(shop.config, 'person-1');
    const data = join(shop.folder, 'data');
    for (const file of readdirSync(data)) {
      const octets = readFileSync(join(data, file));
      for (const mark of ['person-1', customer(1).token]) expect(octets.includes(mark)).toBe(false);
    }
  });

  it('R15: can be repeated, and an older list brings nobody back', async () => {
    const shop = await shopWithTwo();
    await eraseSubject(shop.config, 'person-1');
    const again = await certificateOf(shop, await eraseSubject(shop.config, 'person-1'));
    expect(again).toMatchObject({ recordIds: [], counts: { keys: 0, caches: 0, queued: 0 } });
    await importConsents(await shop.issue([customer(1), customer(2)]), shop.config);
    expect((await exported(shop.config, 'person-1')).consents).toEqual([]);
  });

  it('R12: stands in the audit, and the certificate carries its head', async () => {
    const shop = await shopWithTwo();
    const { audit } = await certificateOf(shop, await eraseSubject(shop.config, 'person-1'));
    const said: string[] = [];
    const head = `${audit.n}:${audit.hash}`;
    expect(verifyStoredAudit(shop.config, { head, json: true }, (line) => said.push(line))).toBe(true);
    const forged = `${audit.n}:${'0'.repeat(64)}`;
    expect(verifyStoredAudit(shop.config, { head: forged }, (line) => said.push(line))).toBe(false);
    expect(JSON.parse(said[0] ?? '')).toMatchObject({
      ok: true,
      head: expect.stringMatching(/^\d+:[0-9a-f]{64}$/),
    });
    expect(said[1]).toMatch(/^broken at entry \d+: /);
  });

  it('asks a running gateway and prints its certificate', async () => {
    const shop = await runningShop(() => ({ status: 200, body: { certificate: 'a.b.c' } }));
    const { code, stdout } = await aisle('subject', 'erase', 'person-1', '--config', shop.file);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'a.b.c\n' });
    expect(shop.asked.map(({ path, body }) => [path, body])).toEqual([
      ['/api/subjects/erase', '{"ref":"person-1"}'],
    ]);
  });
});

describe('a gateway that runs', () => {
  it('takes a list, and its own words are the reason where it refuses', async () => {
    const shop = await runningShop(({ body }) =>
      body === 'good'
        ? { status: 200, body: { version: 7 } }
        : { status: 409, body: { error: 'list 6 is not newer' } },
    );
    expect(await importConsents(shop.write('a.jws', 'good'), shop.config)).toBe(7);
    await expect(importConsents(shop.write('b.jws', 'bad'), shop.config)).rejects.toThrow(
      'list 6 is not newer',
    );
    expect(shop.asked[0]).toMatchObject({ path: '/api/consents', contentType: 'text/plain' });
  });

  it('of another version, or without a dashboard that answers, is told of', async () => {
    const shop = await runningShop(() => ({ status: 404, body: {} }));
    await expect(eraseSubject(shop.config, 'person-1')).rejects.toThrow(/is of another version/);
    const elsewhere = { ...shop.config, dashboard: { listen: '127.0.0.1:1' } };
    await expect(eraseSubject(elsewhere, 'person-1')).rejects.toThrow(/does not answer/);
    const { dashboard: _, ...without } = shop.config;
    await expect(eraseSubject(without as Config, 'person-1')).rejects.toThrow(
      /has no dashboard .* dashboard: \{\}/,
    );
  });
});

describe('aisle export', () => {
  it('R11, R23: gives what waits as CloudEvents, personal ones opened, since a moment', async () => {
    const shop = await shopWithTwo();
    const { code, stdout } = await aisle('export', '--since', '2020-01-01', '--config', shop.file);
    expect(code).toBe(0);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ sequence }) => Number(sequence))).toEqual(events.map((_, i) => i + 1));
    expect(events.filter(({ data }) => data.subject?.ref === 'person-1')).toHaveLength(2);
    const marks = ['person-', 'consent-', 'feedface'];
    expect(events.flatMap((event) => problemsOf(event, EVENT_TYPES, marks))).toEqual([]);
    expect(exportEvents(shop.config, { since: '2100-01-01' }, () => {})).toBe(0);
  });

  it('writes a new file that its owner alone can read, and never over another', async () => {
    const shop = await shopWithTwo();
    const out = join(shop.folder, 'events.jsonl');
    const options = { since: '0', out };
    expect(exportEvents(shop.config, options, () => {})).toBe(
      readFileSync(out, 'utf8').trim().split('\n').length,
    );
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(() => exportEvents(shop.config, options, () => {})).toThrow(/EEXIST/);
  });

  it('since no time is wrong, as a program too', async () => {
    const shop = await commandShop();
    const { code, stderr } = await aisle('export', '--since', 'soon', '--config', shop.file);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'aisle: --since soon: is neither ISO 8601 nor milliseconds\n',
    });
  });
});
