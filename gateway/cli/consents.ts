import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { CompactSign, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import pino from 'pino';
import type { z } from 'zod';
import type { Config } from '../config.ts';
import { type ConsentRecord, consentRecord } from '../consent-record.ts';
import { openReader } from '../downlink/reader.ts';
import { importList } from '../import-list.ts';
import { onLocalRoad, tickNow } from './local.ts';
import { runningGateway } from './running.ts';
import { readStored, type StoredConsents } from './stored.ts';

/**
 * Signs a consent list as the central platform does. The list is the payload of the contract, with
 * `version` and `issuedAt` filled in where they are missing.
 * @throws where the list or the key cannot be read.
 */
export async function signConsents(
  listFile: string,
  keyFile: string,
  say: (text: string) => void,
): Promise<string> {
  const list = readJson(listFile);
  const records = consentRecord.array().safeParse(list.records);
  if (!records.success) throw new Error(`${listFile}: ${whatIsWrong(records.error)}`);
  const jwk = existsSync(keyFile) ? (readJson(keyFile) as JWK) : await makeKey(keyFile, say);
  if (jwk.kid === undefined || jwk.d === undefined)
    throw new Error(`${keyFile}: must be a private JWK with a kid`);
  const payload = { version: Date.now(), issuedAt: new Date().toISOString(), list: 'full', ...list };
  return new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'EdDSA', kid: jwk.kid, typ: 'aisle-consents' })
    .sign(await importJWK(jwk, 'EdDSA'));
}

function whatIsWrong({ issues }: z.ZodError): string {
  const [issue] = issues;
  return `${['records', ...(issue?.path ?? [])].join('.')}: ${issue?.message ?? 'wrong form'}`;
}

async function makeKey(file: string, say: (text: string) => void): Promise<JWK> {
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: `issuer-${randomBytes(4).toString('hex')}` };
  writeFileSync(file, JSON.stringify(jwk), { mode: 0o600, flag: 'wx' });
  const { d: _, ...shown } = jwk;
  say(`made ${file}; its public half, for consents.issuerKeys: ${JSON.stringify(shown)}`);
  return jwk;
}

function readJson(file: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
}

/**
 * Takes a signed list from a file, one compact JWS a line: by the running gateway, or by itself where none
 * runs. Gives the version that is in force then.
 * @throws with the reason where it is refused.
 */
export async function importConsents(file: string, config: Config): Promise<number> {
  const text = readText(file);
  const running = runningGateway(config);
  if (running) return Number((await running.post('/api/consents', text, 'text/plain')).version);
  const { issuerKeys } = config.consents;
  const log = pino({ level: 'silent' });
  const reader = openReader({ issuerKeys, storeId: config.store.id, log });
  try {
    return await onLocalRoad(config, async (road) => {
      await tickNow(road);
      const { version } = await importList(text, {
        reader,
        inForce: road.pipeline.recordIds,
        take: async (list) => (await road.take({ ...list, at: road.now() })).refused,
      });
      return version;
    });
  } finally {
    await reader.close();
  }
}

/** A record as commands show it: what was agreed to, and of keys only kinds and counts (R13). */
export interface ShownRecord {
  recordId: string;
  version: number;
  subjectRef?: string;
  state: string;
  purposes: string[];
  validFrom: string;
  validUntil: string | null;
  notice: string;
  keys: Record<string, number>;
  staff?: true;
}

/** @throws with a sentence where nothing is stored yet. */
export function listConsents(
  config: Config,
  { json, subjects }: { json?: boolean; subjects?: boolean },
  out: (line: string) => void,
): void {
  const { records, inForce, choices } = readStored(config);
  const shown = records.map((record) => shownRecord(record, subjects === true));
  const list = inForce && { version: inForce.version, issuedAt: isoOf(inForce.issuedAt) };
  if (json)
    return out(JSON.stringify({ list: list ?? null, records: shown, choices: shownChoices(choices) }));
  out(list ? `list ${list.version}, issued ${list.issuedAt ?? 'never'}` : 'no list yet');
  for (const record of shown) out(lineOf(record));
  for (const { recordId, choice, at } of shownChoices(choices)) out(`${recordId}: ${choice} here, ${at}`);
}

/** @throws where there is no such record. */
export function showConsent(
  config: Config,
  recordId: string,
  { json, subjects }: { json?: boolean; subjects?: boolean },
  out: (line: string) => void,
): void {
  const { records, choices } = readStored(config);
  const record = records.find((one) => one.recordId === recordId);
  const chosen = shownChoices(choices).find((one) => one.recordId === recordId);
  if (!record && !chosen) throw new Error(`${recordId}: no consent record of this id is held here`);
  const shown = record && shownRecord(record, subjects === true);
  if (json) return out(JSON.stringify({ record: shown ?? null, choice: chosen ?? null }));
  if (!shown) out(`${recordId}: not in force`);
  else for (const [name, value] of Object.entries(shown)) out(`${name.padEnd(11)} ${textOf(value)}`);
  if (chosen) out(`choice      ${chosen.choice} here, version ${chosen.version}, ${chosen.at}`);
}

function shownRecord(record: ConsentRecord, subjects: boolean): ShownRecord {
  const { recordId, version, subjectRef, state, purposes, validFrom, validUntil = null, staff } = record;
  const keys: Record<string, number> = {};
  for (const { kind } of record.keys) keys[kind] = (keys[kind] ?? 0) + 1;
  return {
    recordId,
    version,
    ...(subjects && { subjectRef }),
    state,
    purposes,
    validFrom,
    validUntil,
    notice: [record.noticeId, record.noticeVersion].filter(Boolean).join(' '),
    keys,
    ...(staff && { staff }),
  };
}

function shownChoices(choices: StoredConsents['choices']) {
  return [...choices].map(([recordId, { choice, version, at }]) => ({
    recordId,
    choice,
    version,
    at: isoOf(at),
  }));
}

function lineOf({ recordId, version, subjectRef, state, purposes, validUntil, notice, keys }: ShownRecord) {
  return [
    recordId.padEnd(24),
    `v${version}`.padEnd(6),
    ...(subjectRef === undefined ? [] : [subjectRef.padEnd(24)]),
    state.padEnd(8),
    (validUntil ?? 'no end').padEnd(20),
    `notice ${notice}`.padEnd(16),
    purposes.join(','),
    textOf(keys),
  ].join(' ');
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.join(', ');
  if (value === null) return '-';
  if (typeof value !== 'object') return String(value);
  return (
    Object.entries(value)
      .map(([kind, n]) => `${n} ${kind}`)
      .join(', ') || 'no keys'
  );
}

function isoOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
}
