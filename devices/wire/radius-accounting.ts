import { stationAddress } from './wifi-address.ts';

/** Acct-Status-Type, RFC 2866 §5.1; `Alive` is an older name of Interim-Update in servers' dictionaries. */
const STATUS = new Map<string, AccountingStatus>([
  ['1', 'start'],
  ['start', 'start'],
  ['2', 'stop'],
  ['stop', 'stop'],
  ['3', 'interim'],
  ['interimupdate', 'interim'],
  ['alive', 'interim'],
  ['7', 'on'],
  ['accountingon', 'on'],
  ['8', 'off'],
  ['accountingoff', 'off'],
]);

export type AccountingStatus = 'start' | 'stop' | 'interim' | 'on' | 'off';

/** What is of use of one accounting record. */
export interface AccountingRecord {
  status: AccountingStatus;
  /** Who signed in; absent where nobody did. */
  user?: string;
  /** The station, `aa:bb:cc:dd:ee:ff`. */
  address?: string;
  /** How long the access point has tried to send it, s. */
  delayS: number;
}

/** Attribute numbers, RFC 2865 §5 and RFC 2866 §5, by their names without hyphens. */
const NUMBERS = {
  username: '1',
  callingstationid: '31',
  acctstatustype: '40',
  acctdelaytime: '41',
} as const;

/** An identity that says no name, RFC 7542 §2.4: who signed in is known inside the tunnel alone. */
const ANONYMOUS = /^(anonymous)?(@|$)/i;
const LONGEST_NAME = 253;

/**
 * Reads a record as JSON of attributes: by name in any spelling or by number, a value bare, in a list, or
 * as FreeRADIUS' rlm_rest has it, `{"type", "value": […]}`. Nothing where it has no status that is known.
 */
export function readAccounting(json: Readonly<Record<string, unknown>>): AccountingRecord | undefined {
  const attributes = new Map(Object.entries(json).map(([name, value]) => [plain(name), value]));
  const said = (name: keyof typeof NUMBERS) => textOf(attributes.get(name) ?? attributes.get(NUMBERS[name]));
  const status = STATUS.get(plain(said('acctstatustype') ?? ''));
  if (!status) return undefined;
  const user = userOf(said('username'));
  const address = stationAddress(said('callingstationid') ?? '');
  const delayS = Number(said('acctdelaytime') ?? 0);
  return {
    status,
    ...(user !== undefined && { user }),
    ...(address !== undefined && { address }),
    delayS: Number.isFinite(delayS) && delayS > 0 ? delayS : 0,
  };
}

/** A name that is a station's address was made by the access point: nobody signed in. */
function userOf(name: string | undefined): string | undefined {
  if (name === undefined || name.length > LONGEST_NAME) return undefined;
  return ANONYMOUS.test(name) || stationAddress(name) !== undefined ? undefined : name;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.length === 1 ? scalarOf(value[0]) : undefined;
  const inner = (value as { value?: unknown } | null | undefined)?.value;
  return Array.isArray(inner) ? (inner.length === 1 ? scalarOf(inner[0]) : undefined) : scalarOf(inner);
}

function scalarOf(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
