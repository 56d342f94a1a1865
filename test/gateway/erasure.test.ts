import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compactVerify, importJWK } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCommit } from '../../gateway/commit.ts';
import type { ConsentRecord, Purpose } from '../../gateway/consent-record.ts';
import { openDatabase, stateWriter, storedState } from '../../gateway/database.ts';
import { type Erasure, emptyOutcome, type StoreEvent } from '../../gateway/pipeline/outcome.ts';
import { seal, unseal } from '../../gateway/sealing.ts';
import { signingKey } from '../../gateway/signing-key.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import {
  ALL,
  erasureOf,
  KEY,
  personal,
  press,
  said,
  TEN,
  type TestStore,
  testStore,
} from './outbox/event-store.ts';

/** Every byte below a folder, free pages and journals included. */
function octetsOf(folder: string): Buffer {
  return Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))));
}

/** Visit ids are random and stay readable: the partition key. */
const visitOf = (ref: string) => `v${ref.at(-1)}`;

const walk = (ref: string): StoreEvent[] => [
  personal('visit.started', ref, visitOf(ref)),
  { ...personal('zone.entered', ref, visitOf(ref)), purposes: ['recognition', 'location'] },
];

describe('a waiting personal event', () => {
  it('S20: names its subject nowhere on disk, and arrives whole', () => {
    const { folder, outbox, store } = testStore();
    store(walk('person-1'));
    expect(octetsOf(folder).includes('person-1')).toBe(false);
    const bodies = outbox.take('up', ALL, 9).map(({ body }) => JSON.parse(body));
    expect(bodies.map(({ data }) => data.subject)).toEqual([{ ref: 'person-1' }, { ref: 'person-1' }]);
    expect(bodies[0].type).toBe('aisle.visit.started.v1');
  });

  it('is read after a restart with the same store key, and with another one not at all', () => {
    const first = testStore();
    first.store(walk('person-1'));
    const again = testStore(['up'], first.folder);
    expect(again.outbox.take('up', ALL, 9)).toHaveLength(2);
    first.db.prepare('UPDATE subject_keys SET key = zeroblob(length(key))').run();
    expect(() => testStore(['up'], first.folder).outbox.take('up', ALL, 9)).toThrow();
  });

  it('lies under the key of the transaction that is on disk: a batch that failed leaves none behind', () => {
    const { db, outbox, store } = testStore();
    const failing = db.transaction(() => {
      outbox.store([{ events: walk('person-1'), purge: [] }], TEN);
      throw new Error('the disk refuses');
    });
    expect(failing).toThrow('the disk refuses');
    store(walk('person-1'));
    db.pragma('user_version');
    expect(db.prepare('SELECT count(*) FROM subject_keys').pluck().get()).toBe(1);
    const again = testStore(['up'], db.name.replace(/\/aisle\.db$/, ''));
    expect(again.outbox.take('up', ALL, 9)).toHaveLength(2);
  });

  it('leaves no key behind once nothing waits of its person', () => {
    const { db, outbox, store } = testStore();
    store(walk('person-1'));
    const taken = outbox.take('up', ALL, 9);
    outbox.settle('up', taken, said(taken), TEN);
    outbox.expire(TEN);
    expect(db.prepare('SELECT count(*) FROM subject_keys').pluck().get()).toBe(0);
  });
});

describe('an erasure', () => {
  const erasure: Erasure = { subjectRef: 'person-1', recordIds: ['c1'], keys: 2, caches: 3 };

  it('R15: takes rows and key, tells how much and not of whom, and certifies it', async () => {
    const { db, outbox, store } = testStore();
    store([...walk('person-1'), ...walk('person-2'), press(1)]);
    store([], [erasure]);
    expect(db.prepare('SELECT count(*) FROM subject_keys').pluck().get()).toBe(1);
    const erased = outbox.take('up', ALL, 99).find(({ name }) => name === 'subject.erased');
    expect(erased?.body).not.toContain('person-1');
    const { data } = JSON.parse(erased?.body ?? '');
    expect(data).toMatchObject({ recordIds: ['c1'], counts: { keys: 2, caches: 3, queued: 2 } });
    // jose as the witness: anybody with the gateway's public key can check it.
    const key = await importJWK(signingKey(KEY).jwk, 'EdDSA');
    const { payload, protectedHeader } = await compactVerify(data.certificate, key);
    expect(protectedHeader).toMatchObject({
      alg: 'EdDSA',
      typ: 'aisle-erasure',
      kid: signingKey(KEY).jwk.kid,
    });
    expect(JSON.parse(Buffer.from(payload).toString())).toMatchObject({
      storeId: 's1',
      gateway: 'g1',
      recordIds: ['c1'],
      counts: { keys: 2, caches: 3, queued: 2 },
      certificateId: data.certificateId,
      audit: { n: 0, hash: '0'.repeat(64) },
    });
    expect(erasure.certificate).toBe(data.certificate);
  });

  it('R15: twice is once: the second finds nothing and says so', () => {
    const { store, outbox } = testStore();
    store(walk('person-1'));
    store([], [erasureOf('person-1')]);
    store([], [erasureOf('person-1')]);
    const bodies = outbox.take('up', ALL, 99).filter(({ name }) => name === 'subject.erased');
    expect(bodies.map(({ body }) => JSON.parse(body).data.counts.queued)).toEqual([2, 0]);
  });

  it('of some purposes leaves what rests on others, and its key', () => {
    const { outbox, store, gaps } = testStore();
    store(walk('person-1'));
    const only: Purpose[] = ['location'];
    store([], [{ ...erasure, only }]);
    expect(outbox.take('up', ALL, 99).map(({ name }) => name)).toEqual(['visit.started', 'gateway.gap']);
    expect(gaps()).toMatchObject([{ from: 2, to: 2, count: 1, reason: 'erased' }]);
  });

  it('says in the withdrawal’s own event how many went', () => {
    const { outbox, store } = testStore();
    store(walk('person-1'));
    const withdrawn: StoreEvent = {
      name: 'consent.withdrawn',
      class: 'A',
      time: TEN,
      countsQueued: true,
      data: { recordId: 'c1', purge: { keys: 2, caches: 3, queued: 0 } },
    };
    store([withdrawn], [erasure]);
    const event = outbox.take('up', ALL, 99).find(({ name }) => name === 'consent.withdrawn');
    expect(JSON.parse(event?.body ?? '').data.purge).toEqual({ keys: 2, caches: 3, queued: 2 });
  });

  it('P14: a late answer for what was on its way brings nothing back', () => {
    const { db, outbox, store } = testStore();
    store(walk('person-1'));
    const taken = outbox.take('up', ALL, 9);
    store([], [erasure]);
    outbox.settle('up', taken, said([]), TEN);
    expect(outbox.take('up', ALL, 9).map(({ name }) => name)).toEqual(['subject.erased', 'gateway.gap']);
    expect(db.prepare('SELECT count(*) FROM events WHERE sealed IS NOT NULL').pluck().get()).toBe(0);
  });

  it('R15: leaves no key and no row in the file, free pages and journal included', async () => {
    const store = testStore();
    const { folder, db, outbox } = store;
    const commit = createCommit({
      db,
      outbox,
      stateKey: KEY,
      now: () => TEN,
      committed: () => {},
      failed: (error) => expect(error).toBeUndefined(),
    });
    onTestFinished(() => commit.close());
    store.store(walk('person-1'));
    const marks = marksOf(store);
    expect(marks.every((mark) => octetsOf(folder).includes(mark))).toBe(true);
    await new Promise<void>((done) => commit.add({ ...emptyOutcome(), purge: [erasure] }, done));
    expect(marks.filter((mark) => octetsOf(folder).includes(mark))).toEqual([]);
  });

  it('R12: and its line in the audit are on disk together, the certificate with the chain’s head', async () => {
    const { db, outbox, store } = testStore();
    const commit = createCommit({ db, outbox, stateKey: KEY, now: () => TEN, committed() {}, failed() {} });
    onTestFinished(() => commit.close());
    store(walk('person-1'));
    const outcome = {
      ...emptyOutcome(),
      purge: [erasure],
      audit: [{ what: 'erased' as const, recordId: 'c1' }],
    };
    await new Promise<void>((done) => commit.add(outcome, done));
    const head = db.prepare<[], { n: number; hash: Buffer }>('SELECT n, hash FROM audit').get();
    const [, payload = ''] = (outcome.purge[0]?.certificate ?? '').split('.');
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString()).audit).toEqual({
      n: 1,
      hash: head?.hash.toString('hex'),
    });
  });
});

/** What of a person lies on disk: the wrapped key, the keyed hash, the sealed data. */
function marksOf({ db }: TestStore): Buffer[] {
  return db
    .prepare<[], Buffer>(
      'SELECT key FROM subject_keys UNION SELECT tag FROM subject_keys UNION SELECT sealed FROM events',
    )
    .pluck()
    .all();
}

describe('stored consents and visits', () => {
  const record = {
    recordId: 'c1',
    subjectRef: 'person-1',
    keys: [{ kind: 'app', token: 'a1'.repeat(16) }],
  } as unknown as ConsentRecord;

  it('R13: lie sealed, keys and names alike, and come back with the right key alone', () => {
    const folder = temporaryFolder();
    const db = openDatabase(folder);
    onTestFinished(() => void db.close());
    stateWriter(db, KEY)([{ kind: 'consent', key: 'c1', value: record }]);
    const octets = octetsOf(folder);
    for (const mark of ['person-1', 'a1a1a1a1', Buffer.from('a1'.repeat(16), 'hex')]) {
      expect(octets.includes(mark)).toBe(false);
    }
    expect(storedState(db, KEY).get('consent').get('c1')).toEqual(record);
    expect(() => storedState(db, Buffer.alloc(32)).get('consent')).toThrow();
  });

  it('R13: cannot be moved to another row', () => {
    const db = openDatabase(temporaryFolder());
    onTestFinished(() => void db.close());
    stateWriter(db, KEY)([{ kind: 'consent', key: 'c1', value: record }]);
    db.prepare("UPDATE state SET key = 'c2'").run();
    expect(() => storedState(db, KEY).get('consent')).toThrow();
  });
});

describe('sealing', () => {
  it('is AES-256-GCM with a nonce of its own each time, and notices every changed bit', () => {
    const sealed = seal(KEY, 'a secret', 'here');
    expect(unseal(KEY, sealed, 'here').toString()).toBe('a secret');
    expect(seal(KEY, 'a secret', 'here').equals(sealed)).toBe(false);
    for (let i = 0; i < sealed.length; i += 1) {
      const changed = Buffer.from(sealed);
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(() => unseal(KEY, changed, 'here')).toThrow();
    }
    expect(() => unseal(KEY, sealed, 'there')).toThrow();
    expect(() => unseal(KEY, sealed.subarray(0, 20), 'here')).toThrow();
  });
});
