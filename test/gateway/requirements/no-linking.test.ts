import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { frameSieve } from '../../../devices/frame-sieve.ts';
import {
  advertisement,
  consent,
  list,
  MINUTE,
  names,
  SECOND,
  shop,
  TEN,
  tick,
  UUID,
} from '../pipeline/shop.ts';

/** What phones say of themselves from one address to the next: nothing of it is anybody's key. */
const PHONE = '02011a020a0c0aff4c001005441cbd08c5';
const TAG = `0201061aff4c000215${UUID}00010007c5`;
const tagged = consent(1, { keys: [{ kind: 'ibeacon', uuid: UUID, major: 1, minor: 7 }] });

it('R20: a stranger who changes the address is somebody else, whatever the phone says', () => {
  const sieve = frameSieve(randomBytes);
  sieve.accept(Buffer.from('{"accept":["eddystone-eid"]}'), 0);
  const data = Buffer.from(PHONE, 'hex');
  for (const address of ['4a:00:00:00:00:01', '5b:00:00:00:00:02']) {
    sieve.heard({ address, addressType: 'random', rssi: -60, data }, 0);
  }
  expect(sieve.closeWindow(MINUTE)).toEqual({ windowS: 60, near: 2, far: 0 });
});

it('R20: a person whose key is heard no more is not followed by the address it came from', () => {
  const pipeline = shop();
  pipeline.accept(tick(TEN - SECOND));
  pipeline.accept(list(TEN - SECOND, 1, [tagged]));
  const address = 'd0:00:00:00:00:01';
  expect(names(pipeline.accept(advertisement('r-shoes', address, TAG, TEN)))).toContain('visit.started');
  for (let at = TEN + SECOND; at < TEN + 5 * MINUTE; at += SECOND) {
    pipeline.accept(advertisement('r-shoes', address, PHONE, at));
    pipeline.accept(tick(at));
  }
  const { events } = pipeline.accept(tick(TEN + 5 * MINUTE));
  expect(events.map(({ name, data }) => [name, data.reason])).toContainEqual(['visit.ended', 'absent']);
});

it('R20: strangers’ addresses, one after another, bring about nothing that could be kept', () => {
  const pipeline = shop();
  pipeline.accept(tick(TEN - SECOND));
  pipeline.accept(list(TEN - SECOND, 1, [tagged]));
  for (let i = 0; i < 100; i += 1) {
    const address = `4a:00:00:00:00:${i.toString(16).padStart(2, '0')}`;
    const { events, changes, audit, commands } = pipeline.accept(
      advertisement('r-shoes', address, PHONE, TEN),
    );
    expect([events, changes, audit, commands]).toEqual([[], [], [], []]);
  }
});

it('R20: an identity is made in one place alone: what is not recognised there has none', () => {
  const folder = fileURLToPath(new URL('../../../gateway/', import.meta.url));
  const makers = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && readFileSync(`${folder}${file}`, 'utf8').includes('RecognisedSubject('),
  );
  expect(makers).toEqual(['pipeline/identify.ts']);
  const source = readFileSync(`${folder}pipeline/identify.ts`, 'utf8');
  expect(source).not.toMatch(/export class|export \{[^}]*RecognisedSubject/);
});
