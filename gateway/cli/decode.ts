import { z } from 'zod';
import { dialects } from '../../devices/dialects/index.ts';
import { parseAddress } from '../../devices/wire/address.ts';
import { type Decoded, decodeAdvertisement } from '../../devices/wire/decode.ts';
import { fromHex } from '../../devices/wire/hex.ts';

/** What was read, for the closing word on stderr. */
export interface DecodeSummary {
  lines: number;
  decoded: number;
  /** Lines that are no JSON of the expected form, or whose hex is none. */
  unreadable: number;
  /** The first `REASONS_KEPT` of them, counted from line 1. */
  reasons: { line: number; reason: string }[];
}

/** A stream of a million wrong lines is wrong for the same few reasons. */
const REASONS_KEPT = 10;

const hex = z
  .string()
  .transform((text, context) => fromHex(text) ?? refuse(context, 'is no hexadecimal text'));
const address = z
  .string()
  .transform((text, context) => (parseAddress(text) ? text : refuse(context, 'is no Bluetooth address')));

const advertisement = z.object({ data: hex, address: address.nullish(), key: hex.nullish() });
const message = z.object({ topic: z.string(), payload: z.string() });

/**
 * `aisle decode`: one line of JSON in (`{data, address?, key?}` in hex, or `{topic, payload}`), one out
 * for each: what it says, or `null` where it is nobody's or the line cannot be read.
 */
export async function decodeLines(
  input: AsyncIterable<string>,
  write: (line: string) => void,
): Promise<DecodeSummary> {
  const summary: DecodeSummary = { lines: 0, decoded: 0, unreadable: 0, reasons: [] };
  for await (const line of input) {
    summary.lines += 1;
    const { decoded, reason } = decodeLine(line);
    write(JSON.stringify(decoded));
    if (decoded !== null) summary.decoded += 1;
    if (reason === undefined) continue;
    summary.unreadable += 1;
    if (summary.reasons.length < REASONS_KEPT) summary.reasons.push({ line: summary.lines, reason });
  }
  return summary;
}

function decodeLine(line: string): { decoded: Decoded | null; reason?: string } {
  const value = parseJson(line);
  if (value === undefined) return { decoded: null, reason: 'is no JSON' };
  if (isMessage(value)) {
    const { data: said, error } = message.safeParse(value);
    return error ? { decoded: null, reason: explain(error) } : { decoded: decodeMessage(said) };
  }
  const parsed = advertisement.safeParse(value);
  if (!parsed.success) return { decoded: null, reason: explain(parsed.error) };
  const { data, address, key } = parsed.data;
  return {
    decoded: decodeAdvertisement(data, { ...(address ? { address } : {}), ...(key ? { key } : {}) }),
  };
}

/** What another maker's gateway passed on, in the first dialect that can read it. */
function decodeMessage({ topic, payload }: z.infer<typeof message>): Decoded | null {
  for (const dialect of dialects) {
    const said = dialect.read(topic, Buffer.from(payload));
    if (typeof said === 'string') continue;
    for (const reading of said) {
      const [frame] = reading.kind === 'heard' ? reading.frames : [];
      const decoded = frame && decodeAdvertisement(frame.data, { address: frame.address });
      if (decoded) return decoded;
    }
  }
  return null;
}

function isMessage(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'topic' in value;
}

function explain(error: z.ZodError): string {
  const [issue] = error.issues;
  const where = issue?.path.join('.') ?? '';
  return where === ''
    ? 'expected an object with "data", or with "topic" and "payload"'
    : `"${where}" ${issue?.message}`;
}

function refuse(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
