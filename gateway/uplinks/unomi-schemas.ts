import { EVENT_TYPES } from '../event-types.ts';
import { unomiType } from './unomi-event.ts';

type Schema = Record<string, unknown>;

const text = { type: 'string' };
const number = { type: 'number' };
const count = { type: 'integer' };
const flag = { type: 'boolean' };
const texts = { type: 'array', items: text };
const of = (properties: Schema, required: string[] = Object.keys(properties)): Schema => ({
  type: 'object',
  properties,
  required,
});

/** What every event has: where it comes from, what it rests on, and what it is known by. */
const COMMON = {
  storeId: text,
  consent: of({ recordId: text, version: count, noticeVersion: text, purposes: texts }),
  aisle: of({ id: text, source: text, type: text, epoch: text, sequence: text, recordedtime: text }),
};
const LINK = { attribution: of({ visitId: text, probability: number, candidates: count }) };
const SHELF = { shelfId: text, slot: count, sku: text, quantity: count, deltaG: number, unitG: number };

/** Fields of `data` (contract, Events) of the types that can be of a person; those in `may` are not always there. */
const FIELDS: Record<string, { has: Schema; may?: Schema }> = {
  'visit.started': { has: { visitId: text, method: text, confidence: number } },
  'visit.ended': {
    has: { visitId: text, startedAt: text, endedAt: text, durationS: number, reason: text },
    may: { zones: { type: 'array', items: of({ zoneId: text, dwellS: number }) } },
  },
  'zone.entered': {
    has: { visitId: text, zoneId: text, enteredAt: text, confidence: number },
    may: { position: of({ x: number, y: number }) },
  },
  'zone.dwelled': { has: { visitId: text, zoneId: text, dwellS: number, thresholdS: number } },
  'zone.exited': { has: { visitId: text, zoneId: text, enteredAt: text, dwellS: number } },
  'shelf.item.picked': {
    has: { ...SHELF, ...LINK },
    may: { gtin: text, confidence: number, misplaced: flag },
  },
  'shelf.item.returned': {
    has: { ...SHELF, ...LINK },
    may: { gtin: text, confidence: number, misplaced: flag },
  },
  'button.pressed': {
    has: { deviceId: text, button: count, press: text, ...LINK },
    may: { zoneId: text, intent: text },
  },
  'consent.granted': {
    has: { recordId: text, version: count, purposes: texts, noticeVersion: text, effectiveAt: text },
    may: { method: text, noticeId: text, language: text, validUntil: text },
  },
};

/** Unomi's own, of which ours are made. */
const EVENT = 'https://unomi.apache.org/schemas/json/event/1-0-0';
const ITEM = 'https://unomi.apache.org/schemas/json/item/1-0-0';

/**
 * The JSON Schemas (2019-09) that Unomi has to be given: an event of a type without one is left out, with
 * HTTP 200. One for each type of event that is sent there. Around `properties` nothing else may stand, as in
 * Unomi's own; within, later versions may add fields, and must not be left out for it.
 */
export function unomiSchemas(): Schema[] {
  return EVENT_TYPES.flatMap(({ name }) => {
    const fields = FIELDS[name];
    return fields === undefined ? [] : [schemaOf(name, fields)];
  });
}

function schemaOf(name: string, { has, may = {} }: { has: Schema; may?: Schema }): Schema {
  const type = unomiType(name);
  return {
    $id: `https://aisle.example/schemas/json/events/${type}/1-0-0`,
    $schema: 'https://json-schema.org/draft/2019-09/schema',
    self: { vendor: 'aisle', target: 'events', name: type, format: 'jsonschema', version: '1-0-0' },
    title: type,
    type: 'object',
    allOf: [{ $ref: EVENT }],
    properties: {
      source: { $ref: ITEM },
      target: { $ref: ITEM },
      properties: of({ ...COMMON, ...has, ...may }, Object.keys({ ...COMMON, ...has })),
    },
    required: ['properties'],
    unevaluatedProperties: false,
  };
}
