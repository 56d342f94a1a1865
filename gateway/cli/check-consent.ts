import { distance } from 'fastest-levenshtein';
import { importJWK } from 'jose';
import type { Config } from '../config.ts';
import type { Add } from './check.ts';

/*
 * What `aisle check` looks at for consent: the keys that lists are checked by, what shoppers are offered,
 * how long things are kept, and whether anybody can be recognised at all.
 */

export async function checkKeys(config: Config, add: Add): Promise<void> {
  const kids = new Set<string>();
  for (const jwk of config.consents.issuerKeys) {
    if ('d' in jwk)
      add(
        'error',
        `consents.issuerKeys: ${jwk.kid} has its private half (d): take it out, and make a new key`,
      );
    if (kids.has(jwk.kid))
      add('error', `consents.issuerKeys: ${jwk.kid} stands there twice: only the last counts`);
    kids.add(jwk.kid);
    try {
      await importJWK(jwk, 'EdDSA');
      add('ok', `consents.issuerKeys: ${jwk.kid}`);
    } catch (error) {
      add(
        'error',
        `consents.issuerKeys: ${jwk.kid} is not an Ed25519 public key: ${(error as Error).message}`,
      );
    }
  }
}

/** What a shop offers for agreeing it has to offer for withdrawing, and what it says has to reach somebody (R7). */
export function checkConsentDevices({ devices }: Config, add: Add): void {
  const acts = (act: string) =>
    devices.filter(({ intents }) => Object.values(intents ?? {}).includes(act)).map(({ id }) => id);
  const [grants, withdraws] = [acts('consent-grant'), acts('consent-withdraw')];
  const readers = devices.filter(({ kind }) => kind === 'check-in');
  if (grants.length > 0 && withdraws.length === 0) {
    add(
      'error',
      `devices: ${grants.join(', ')} can agree, and no button has the intent consent-withdraw: add one`,
    );
  }
  if (grants.length + withdraws.length > 0 && readers.length === 0) {
    add(
      'warning',
      'devices: a button for consent needs a reader (kind: check-in) in its zone, and there is none',
    );
  }
  for (const { id, zone } of readers) {
    if (zone === undefined) add('warning', `devices: ${id} has no zone: no button can act on its codes`);
  }
  for (const { id, intents } of devices) {
    for (const intent of Object.values(intents ?? {})) {
      const meant = ['consent-grant', 'consent-withdraw'].find((act) => isMistyped(act, intent));
      if (meant) add('error', `devices: ${id} has the intent "${intent}": did you mean "${meant}"?`);
    }
  }
}

/** One or two letters away, and not it. */
function isMistyped(word: string, text: string): boolean {
  const letters = distance(word, text);
  return letters > 0 && letters <= 2;
}

export function checkRetention({ consents, retention }: Config, add: Add): void {
  if (consents.maxAgeHours > LONG_AGE_HOURS) {
    add(
      'warning',
      `consents.maxAgeHours: ${consents.maxAgeHours}; a withdrawal may go unnoticed for so long`,
    );
  }
  if (retention.personalHours > LONG_RETENTION_HOURS) {
    add(
      'warning',
      `retention.personalHours: ${retention.personalHours}; personal events may wait for so long`,
    );
  }
}

const LONG_AGE_HOURS = 7 * 24;
const LONG_RETENTION_HOURS = 30 * 24;

export function checkRecognition(config: Config, add: Add): void {
  if (config.mode !== 'identify') return;
  if (!config.store.notice)
    add('warning', 'store.notice: identify needs one to show shoppers; without it nobody is recognised');
  if (config.consents.issuerKeys.length === 0) {
    add('warning', 'consents.issuerKeys: none; no consent list can be checked, so nobody is recognised');
  }
  if (config.clock.source === 'trusted')
    add('warning', 'clock.source: trusted; a wrong clock is not noticed');
}
