import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2019, type ValidateFunction } from 'ajv/dist/2019.js';

/*
 * What Apache Unomi's published JSON Schemas (2019-09) demand of a request to its event collector, said
 * again in as few words as they need: apache/unomi, extensions/json-schema/services/…/schemas/items/item.json,
 * items/timestampeditem.json, events/event.json (as of commit 1cbb182) and rest/…/schemas/rest/requestIds.json,
 * rest/eventscollectorrequest.json. The texts themselves: UNOMI_SCHEMAS=<checkout of apache/unomi>.
 */

const BASE = 'https://unomi.apache.org/schemas/json/';
const SLUG = '^[\\w@.-]{0,60}$';
const slug = { type: 'string', pattern: SLUG };
const slugOrNull = { type: ['null', 'string'], pattern: '^(\\w|[-_@\\.]){0,60}$' };

type Schema = Record<string, unknown> & { $id: string };

const RESTATED: Schema[] = [
  {
    $id: `${BASE}item/1-0-0`,
    type: 'object',
    properties: {
      itemId: { type: ['null', 'string'], pattern: SLUG },
      itemType: { type: 'string' },
      scope: { type: ['null', 'string'], validateScope: true },
      version: { type: ['null', 'integer'], minimum: 0 },
      properties: { type: ['null', 'object'] },
    },
  },
  {
    $id: `${BASE}timestampeditem/1-0-0`,
    type: 'object',
    allOf: [{ $ref: `${BASE}item/1-0-0` }],
    properties: { timeStamp: { type: ['string', 'integer'] } },
  },
  {
    $id: `${BASE}event/1-0-0`,
    type: 'object',
    allOf: [{ $ref: `${BASE}timestampeditem/1-0-0` }],
    properties: {
      eventType: slug,
      profileId: slug,
      sessionId: slug,
      scope: { ...slug, validateScope: true },
      sourceId: slug,
      persistent: { type: 'boolean' },
    },
  },
  {
    $id: `${BASE}rest/requestIds/1-0-0`,
    type: 'object',
    properties: { sessionId: slugOrNull, profileId: slugOrNull, personaId: slugOrNull },
  },
  {
    $id: `${BASE}rest/eventscollectorrequest/1-0-0`,
    type: 'object',
    allOf: [{ $ref: `${BASE}rest/requestIds/1-0-0` }],
    properties: { events: { type: ['array'], items: { type: 'object' }, minItems: 1 } },
  },
];

/** The published texts where they are to be had, otherwise what they demand. */
function unomisOwn(folder = process.env.UNOMI_SCHEMAS): Schema[] {
  if (folder === undefined) return RESTATED;
  const ids = new Set(RESTATED.map(({ $id }) => $id));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /src\/main\/resources\/META-INF\/cxs\/schemas\/.*\.json$/.test(file))
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Schema)
    .filter(({ $id }) => ids.has($id));
  if (files.length !== ids.size) throw new Error(`${files.length} of ${ids.size} schemas in ${folder}`);
  return files;
}

/** Validates as Unomi does: scopes have to exist there, a type has to have a schema. */
export function unomiValidation(ours: readonly Record<string, unknown>[], scopes: readonly string[]) {
  const ajv = new Ajv2019({ strict: false, allErrors: true });
  // Unomi's own keywords: one that says nothing about data, one that asks for the scope.
  ajv.addKeyword('self');
  ajv.addKeyword({
    keyword: 'validateScope',
    validate: (on: boolean, scope: unknown) => !on || scope === null || scopes.includes(String(scope)),
  });
  for (const schema of [...unomisOwn(), ...ours]) ajv.addSchema(schema);
  const request = ajv.getSchema(`${BASE}rest/eventscollectorrequest/1-0-0`) as ValidateFunction;
  const eventSchemas = new Map(
    ours.flatMap(({ $id, self }) => {
      const { target, name } = self as { target: string; name: string };
      // As Unomi's SchemaServiceImpl finds it, and as it refuses a name.
      const isTaken = target === 'events' && /^[_A-Za-z][_0-9A-Za-z]*$/.test(name);
      return isTaken ? [[name, ajv.getSchema(String($id)) as ValidateFunction] as const] : [];
    }),
  );

  /** What is wrong with the request as a whole: Unomi answers it with 400. */
  function problemsOfRequest(body: unknown): string[] {
    return request(body) ? [] : [ajv.errorsText(request.errors)];
  }

  /** What is wrong with one event: Unomi leaves it out and says 200. */
  function problemsOfEvent(event: { eventType: string }): string[] {
    const validate = eventSchemas.get(event.eventType);
    if (!validate) return [`${event.eventType} has no schema`];
    return validate(event) ? [] : [ajv.errorsText(validate.errors)];
  }

  const isSchema = (schema: Record<string, unknown>) => ajv.validateSchema(schema) === true;
  return { problemsOfRequest, problemsOfEvent, isSchema };
}
