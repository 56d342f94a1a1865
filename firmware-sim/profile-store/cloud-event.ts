/**
 * What the store takes for an event: CloudEvents 1.0.2 in its JSON format, and for `aisle.…` types
 * the attributes that give them their place. Written from the specification and the contract alone,
 * so that the gateway is checked by something that does not share its code.
 */

/** Attributes beside these are extensions; an attribute that is `null` counts as unset (JSON format §2.2). */
export interface CloudEvent {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  /** RFC 3339. */
  time?: string | null;
  data?: unknown;
  [attribute: string]: unknown;
}

/** CloudEvents 1.0 "Size limits": what every intermediary must let through. Octets of JSON in UTF-8. */
export const EVENT_BYTES = 65_536;

/** SQLite reads JSON of at most 1000 levels; an event needs a handful. */
const DATA_LEVELS = 64;

const REQUIRED = ['id', 'source', 'specversion', 'type'];
const TEXTS = [
  'datacontenttype',
  'dataschema',
  'subject',
  'partitionkey',
  'epoch',
  'sequence',
  'causationid',
];
const TIMESTAMPS = ['time', 'recordedtime', 'expirytime'];

// RFC 3339 §5.6; `T` and `Z` may be lower case.
const TIMESTAMP = /^\d{4}-\d\d-\d\dt\d\d:\d\d:\d\d(\.\d+)?(z|[+-]\d\d:\d\d)$/i;
// RFC 3986 §2: the characters of a URI-reference; a percent sign stands before two hex digits only.
const URI_REFERENCE = /^(?:[\w\-.~:/?#[\]@!$&'()*+,;=]|%[0-9a-f]{2})+$/i;
const URI_SCHEME = /^[a-z][a-z0-9+.-]*:/i;
// CloudEvents §2.1.1 String: no control characters, lone surrogates or noncharacters.
const FORBIDDEN_CHARACTERS = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;

/** The event, or why it is none. A reason names the attribute and what was expected, never its value. */
export function readCloudEvent(value: unknown): { event: CloudEvent } | { reason: string } {
  if (!isObject(value)) return { reason: 'an event must be a JSON object' };
  const reason = wrongAttribute(value) ?? wrongData(value) ?? wrongPlace(value);
  return reason === undefined ? { event: value as CloudEvent } : { reason };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrongAttribute(event: Record<string, unknown>): string | undefined {
  for (const name of REQUIRED) {
    if (typeof event[name] !== 'string' || event[name] === '') {
      return `required attribute '${name}' must be a non-empty string`;
    }
  }
  if (event.specversion !== '1.0') return `'specversion' must be '1.0'`;
  for (const [name, value] of Object.entries(event)) {
    if (name === 'data' || name === 'data_base64' || value === null) continue;
    const reason = wrongName(name) ?? wrongValue(name, value);
    if (reason) return reason;
  }
  return undefined;
}

// CloudEvents 1.0 §2: names are lower-case ASCII letters and digits.
function wrongName(name: string): string | undefined {
  if (/^[a-z0-9]+$/.test(name)) return undefined;
  return `attribute name '${name.slice(0, 40)}' must be lower-case letters and digits`;
}

// CloudEvents 1.0 §2.1.1: an attribute is a boolean, a 32-bit integer or a string.
function wrongValue(name: string, value: unknown): string | undefined {
  if (typeof value === 'string') return wrongText(name, value);
  if (TEXTS.includes(name) || TIMESTAMPS.includes(name)) return `'${name}' must be a string`;
  if (typeof value === 'boolean') return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && (value | 0) === value) return undefined;
  return `'${name}' must be a string, a boolean or a 32-bit integer`;
}

function wrongText(name: string, text: string): string | undefined {
  if (FORBIDDEN_CHARACTERS.test(text)) return `'${name}' has characters that CloudEvents strings exclude`;
  if ((name === 'subject' || name === 'partitionkey') && text === '') return `'${name}' must not be empty`;
  if (name === 'source' && !URI_REFERENCE.test(text)) return `'source' must be a URI-reference (RFC 3986)`;
  if (name === 'dataschema' && !(URI_REFERENCE.test(text) && URI_SCHEME.test(text))) {
    return `'dataschema' must be an absolute URI (RFC 3986)`;
  }
  if (TIMESTAMPS.includes(name) && !(TIMESTAMP.test(text) && Number.isFinite(Date.parse(text)))) {
    return `'${name}' must be a timestamp (RFC 3339)`;
  }
  return undefined;
}

// JSON format §3.1.1: `data` and `data_base64` exclude each other.
function wrongData(event: Record<string, unknown>): string | undefined {
  if (isDeeper(event.data, DATA_LEVELS)) return `'data' is nested more than ${DATA_LEVELS} levels`;
  if (event.data_base64 === undefined || event.data_base64 === null) return undefined;
  if (event.data !== undefined) return `'data' and 'data_base64' exclude each other`;
  return typeof event.data_base64 === 'string' ? undefined : `'data_base64' must be a string`;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

/** The gateway's own types: `id` is `<epoch>-<sequence>`, and `data` is an object (contract, "Events"). */
function wrongPlace(event: Record<string, unknown>): string | undefined {
  const { type, epoch, sequence } = event;
  if (typeof type !== 'string' || !type.startsWith('aisle.')) return undefined;
  if (!/^aisle\.[a-z]+(\.[a-z]+)*\.v\d+$/.test(type)) return `'type' must be 'aisle.<name>.v<n>'`;
  if (typeof epoch !== 'string' || epoch === '') return `'epoch' must be a non-empty string`;
  if (typeof sequence !== 'string' || !/^\d{20}$/.test(sequence)) return `'sequence' must be 20 digits`;
  if (!Number.isSafeInteger(Number(sequence))) return `'sequence' must be below 2^53`;
  if (event.id !== `${epoch}-${sequence}`) return `'id' must be '<epoch>-<sequence>'`;
  return isObject(event.data) ? undefined : `'data' must be a JSON object`;
}
