import { FieldType, type IPoint, type ISchemaOptions } from 'influx';
import { ID } from '../../config.ts';
import { MEASUREMENTS, type Measurement } from '../measurements.ts';
import type { Point } from '../point.ts';

/** Whose points these are: one database can be of many shops. */
export interface OwnTags {
  store: string;
  gateway: string;
}

interface Table {
  /** In the order of the alphabet, as InfluxDB would have them; true where one has to be there. */
  tags: readonly (readonly [name: string, isRequired: boolean])[];
  fields: ReadonlyMap<string, 'float' | 'integer'>;
}

/** What the library holds every point against, and by which it knows integers from floats. */
export function librarySchema(): ISchemaOptions[] {
  return MEASUREMENTS.map(({ name, tags, fields }) => ({
    measurement: name,
    tags: [...tags.map(bare), 'store', 'gateway'],
    fields: Object.fromEntries(
      fields.map((field) => [field.name, field.type === 'integer' ? FieldType.INTEGER : FieldType.FLOAT]),
    ),
  }));
}

/**
 * A sample as the library writes it, with the shop's own tags; nothing where it is none of `measurements.ts`:
 * a tag that is no id of the configuration (a line feed in one would begin a line of its own), no number, no
 * time. What is not in the table never leaves this box.
 */
export function toInfluxPoint({ measurement, tags, fields, at }: Point, own: OwnTags): IPoint | undefined {
  const table = TABLES.get(measurement);
  if (!table || !Number.isSafeInteger(at) || at <= 0) return undefined;
  const written = writtenTags(table, { ...tags, ...own });
  const values = writtenFields(table, fields);
  return written && values && { measurement, tags: written, fields: values, timestamp: at };
}

const bare = (tag: string) => tag.replace('?', '');

const TABLES = new Map(MEASUREMENTS.map((measurement) => [measurement.name, tableOf(measurement)]));

function tableOf({ tags, fields }: Measurement): Table {
  return {
    tags: [...tags, 'gateway', 'store'].sort().map((tag) => [bare(tag), !tag.endsWith('?')]),
    fields: new Map(fields.map(({ name, type }) => [name, type])),
  };
}

function writtenTags(table: Table, tags: Record<string, string>): Record<string, string> | undefined {
  const written: Record<string, string> = {};
  let count = 0;
  for (const [name, isRequired] of table.tags) {
    const value = tags[name];
    if (value === undefined && !isRequired) continue;
    if (value === undefined || !ID.test(value)) return undefined;
    written[name] = value;
    count += 1;
  }
  return count === Object.keys(tags).length ? written : undefined;
}

function writtenFields(table: Table, fields: Point['fields']): Record<string, number> | undefined {
  const written: Record<string, number> = {};
  let isEmpty = true;
  for (const [name, value] of Object.entries(fields)) {
    const type = table.fields.get(name);
    if (type === undefined) return undefined;
    const whole = type === 'integer' ? Math.round(value) : value;
    // Beyond 2^53 an integer is written with an exponent, which InfluxDB does not read.
    if (!Number.isFinite(whole) || (type === 'integer' && !Number.isSafeInteger(whole))) return undefined;
    written[name] = whole;
    isEmpty = false;
  }
  return isEmpty ? undefined : written;
}
