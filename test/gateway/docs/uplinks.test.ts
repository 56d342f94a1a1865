import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configSchema } from '../../../gateway/config.ts';
import { EVENT_TYPES } from '../../../gateway/event-types.ts';
import { MAX_CALL } from '../../../gateway/uplinks/segment.ts';
import { segmentCalls, titleOf } from '../../../gateway/uplinks/segment-calls.ts';
import { unomiType } from '../../../gateway/uplinks/unomi-event.ts';
import { unomiSchemas } from '../../../gateway/uplinks/unomi-schemas.ts';

const page = readFileSync(new URL('../../../gateway/docs/uplinks.md', import.meta.url), 'utf8');
const rows = new Map(
  [...page.matchAll(/^\| `([a-z]+\.[a-z.]+)` \| (.+?) \| (.+?) \| (.+?) \|$/gm)].map(
    ([, name = '', ...cells]) => [name, cells],
  ),
);

it('docs/uplinks.md says of every event what it becomes', () => {
  expect([...rows.keys()].sort()).toEqual(EVENT_TYPES.map(({ name }) => name).sort());
  const ofUnomi = new Set(unomiSchemas().map(({ title }) => title));
  for (const { name, personal } of EVENT_TYPES) {
    const [whose = '', segment, unomi] = rows.get(name) ?? [];
    const isSent = ofUnomi.has(unomiType(name));
    expect(unomi).toBe(isSent ? `\`${unomiType(name)}\`` : 'not sent');
    expect(whose.includes('the person')).toBe(isSent);
    if (personal === 'linked') expect(whose).toBe('nobody; the person where linked');
    if (name !== 'consent.granted') expect(segment).toBe(titleOf(name));
  }
});

it('docs/uplinks.md says of a granted consent what it becomes', () => {
  const consent = { recordId: 'r', version: 1, noticeVersion: '1', purposes: ['recognition'] };
  const event = { id: 'e-1', source: 'urn:s', time: '2026-03-01T10:00:00Z', data: {}, origin: {} };
  const calls = segmentCalls({ ...event, name: 'consent.granted', person: { ref: 'p', consent } });
  expect(calls.map(({ type }) => type)).toEqual(['identify', 'track']);
  expect(rows.get('consent.granted')?.[1]).toContain(String(calls[1]?.event));
  for (const trait of Object.keys(calls[0]?.traits as object)) expect(page).toContain(`\`${trait}\``);
});

it('docs/uplinks.md names every setting and limit', () => {
  const { uplinks } = configSchema.shape;
  const { options } = uplinks.unwrap().element;
  for (const { shape } of options) {
    for (const key of Object.keys(shape)) expect(page).toMatch(new RegExp(`\\b${key}\\b`));
  }
  expect(page).toContain(`${MAX_CALL.toLocaleString('en')} octets`);
});
