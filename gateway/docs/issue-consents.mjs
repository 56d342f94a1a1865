// The side that issues consents: builds records with keys and signs a full list in parts, one compact JWS a line.
//   node issue-consents.mjs issuer.jwk lyon-1 customers.json > list.jws && aisle consents import list.jws --config …
import { readFileSync } from 'node:fs';
import { CompactSign, importJWK } from 'jose';

const [issuerFile, store, customersFile] = process.argv.slice(2);
const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
const { kid, ...jwk } = read(issuerFile); // a private Ed25519 JWK; aisle consents sign --key makes one
const key = await importJWK(jwk, 'EdDSA');

/** `token`: 16 random octets in hex, which the customer's app holds too. */
const record = ({ recordId, subjectRef, purposes, validFrom, validUntil, token }) => ({
  ...{ recordId, version: 1, subjectRef, purposes, state: 'given', validFrom, validUntil },
  ...{ noticeId: 'n1', noticeVersion: '3', language: 'fr', method: 'app' },
  stores: [store],
  keys: [{ kind: 'app', token }],
});

const PART = 1000; // records: a part stays below 1 MiB
const records = read(customersFile).map(record);
const parts = Math.max(1, Math.ceil(records.length / PART));
const issuedAt = new Date().toISOString();
const head = { storeId: store, list: 'full', version: Date.parse(issuedAt), issuedAt, parts };
for (let part = 1; part <= parts; part++) {
  const list = { ...head, part, records: records.slice((part - 1) * PART, part * PART) };
  const jws = new CompactSign(Buffer.from(JSON.stringify(list)));
  jws.setProtectedHeader({ alg: 'EdDSA', kid, typ: 'aisle-consents' });
  process.stdout.write(`${await jws.sign(key)}\n`);
}
