import { readFileSync } from 'node:fs';
import { expect } from 'vitest';

/** An event as `expected.jsonl` has it. */
export interface Told {
  time: string;
  type: string;
  data: Record<string, unknown>;
}

interface CloudEvent extends Told {
  [attribute: string]: unknown;
}

/** Attributes that every event has; personal ones add `expirytime`, those of a visit `partitionkey`. */
const ATTRIBUTES = [
  'data',
  'datacontenttype',
  'dataschema',
  'epoch',
  'id',
  'recordedtime',
  'sequence',
  'source',
  'specversion',
  'time',
  'type',
];

/** Corners of the shops of these scenarios, metres. */
const SHOP = { width: 20, depth: 20 };

/**
 * Checks what all events of a replay have in common (contract, Events) and returns what is left of them:
 * `time`, `type` and `data` without the store, the consent, the randomness of visit ids, and the estimates
 * of how sure a zone is and where in it somebody is, which may become better.
 */
export function told(lines: readonly string[], consentsFile: string): Told[] {
  const consents = JSON.parse(readFileSync(consentsFile, 'utf8')) as { recordId: string }[];
  const visits = new Map<unknown, string>();
  return lines.map((line, i) => {
    const event = JSON.parse(line) as CloudEvent;
    const { storeId, consent, ...data } = withoutEstimates(event);
    expectCommon(event, i + 1);
    expect(storeId).toBe('lyon-1');
    if (data.subject) expectConsent(consent, event.type, 'zones' in data, consents);
    else expect(consent).toBeUndefined();
    if (data.visitId !== undefined) {
      expect(data.visitId).toMatch(/^[0-9a-f]{32}$/);
      if (!visits.has(data.visitId)) visits.set(data.visitId, `visit-${visits.size + 1}`);
      data.visitId = visits.get(data.visitId);
    }
    return { time: event.time, type: event.type, data };
  });
}

/** A zone's `confidence` and `position` have to be sensible and no more. */
function withoutEstimates({ type, data }: CloudEvent): Record<string, unknown> {
  if (type !== 'aisle.zone.entered.v1') return data;
  const { confidence, position, ...rest } = data as {
    confidence: number;
    position?: { x: number; y: number };
  };
  expect(confidence).toBeGreaterThan(0);
  expect(confidence).toBeLessThanOrEqual(1);
  if (position === undefined) return rest;
  expect(Math.min(position.x, position.y, SHOP.width - position.x, SHOP.depth - position.y)).toBeGreaterThan(
    0,
  );
  return rest;
}

function expectCommon(event: CloudEvent, sequence: number): void {
  const { data, time, type, causationid, expirytime, partitionkey, ...common } = event;
  const { id, recordedtime } = common;
  const digits = String(sequence).padStart(20, '0');
  expect(Object.keys({ ...common, data, time, type }).sort()).toEqual(ATTRIBUTES);
  expect(common).toEqual({
    specversion: '1.0',
    id: `replay-${digits}`,
    source: 'urn:aisle:store:lyon-1:gateway:g1',
    recordedtime,
    epoch: 'replay',
    sequence: digits,
    datacontenttype: 'application/json',
    dataschema: `urn:aisle:schema:${type.slice('aisle.'.length, -'.v1'.length)}:v1`,
  });
  expect(id).not.toBe('');
  expect(Date.parse(String(recordedtime))).toBeGreaterThanOrEqual(Date.parse(time));
  expect(partitionkey).toBe(data.visitId);
  expect(expirytime !== undefined).toBe(data.subject !== undefined);
  if (causationid !== undefined) expect(causationid).toMatch(/^[\w-]+\/[\w-]+\/\d+$/);
}

/** The purposes are those that the event rests on: where somebody is, `location` too. */
function expectConsent(
  said: unknown,
  type: string,
  hasZones: boolean,
  consents: readonly { recordId: string }[],
): void {
  const record = consents.find(({ recordId }) => recordId === (said as { recordId: string }).recordId);
  const { recordId, version, noticeVersion } = record as unknown as Record<string, unknown>;
  const tellsWhere = hasZones || type.startsWith('aisle.zone.');
  const purposes = tellsWhere ? ['recognition', 'location'] : ['recognition'];
  expect(said).toEqual({ recordId, version, noticeVersion, purposes });
}
