import { createReadStream } from 'node:fs';
import { z } from 'zod';
import { MAX_PAYLOAD } from '../access/framing.ts';
import { consentRecord } from '../consent-record.ts';
import type { Signal } from '../pipeline/signal.ts';

/** Contract, Recordings: one JSON object a line, oldest first. Further fields, a `note` say, are left unread. */
const at = z.number().int().nonnegative();
const recorded = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('advertisement'),
    at,
    receiver: z.string(),
    address: z
      .string()
      .regex(/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/, 'must be an address such as e7:8f:13:56:24:ce')
      .transform((text) => text.toLowerCase()),
    addressType: z.enum(['public', 'random']).default('random'),
    rssi: z.number().nullable().default(null),
    data: z.string().regex(/^([0-9a-fA-F]{2})*$/, 'must be hex digits, two for each octet'),
  }),
  z
    .object({
      kind: z.literal('message'),
      at,
      topic: z.string(),
      payload: z.string().optional(),
      payloadBase64: z.base64().optional(),
    })
    .refine((message) => (message.payload === undefined) !== (message.payloadBase64 === undefined), {
      error: 'must have either payload or payloadBase64',
    }),
  z.object({
    kind: z.literal('consents'),
    at,
    list: z.enum(['full', 'change']).default('full'),
    records: z.array(consentRecord),
  }),
  z.object({ kind: z.literal('tick'), at }),
]);

/** A signal and the place it was read from, `<file>:<line>`. */
export interface RecordedSignal {
  signal: Signal;
  where: string;
}

/**
 * The signals of recordings, the oldest of all files first; of the same moment, those of the file that was
 * named first. Empty lines are skipped.
 * @throws with file and line where a file cannot be read, is no recording or is not in order.
 */
export async function* readRecordings(files: readonly string[]): AsyncGenerator<RecordedSignal> {
  const readers = files.map(readRecording);
  try {
    const heads = await Promise.all(readers.map((reader) => reader.next()));
    for (;;) {
      const next = oldest(heads);
      const head = heads[next];
      if (!head || head.done) return;
      yield head.value;
      heads[next] = (await readers[next]?.next()) ?? head;
    }
  } finally {
    for (const reader of readers) await reader.return(undefined);
  }
}

/** The index of the head that comes first; -1 where all have ended. */
function oldest(heads: readonly IteratorResult<RecordedSignal>[]): number {
  let first = -1;
  let firstAt = Infinity;
  for (const [i, head] of heads.entries()) {
    if (head.done || head.value.signal.at >= firstAt) continue;
    first = i;
    firstAt = head.value.signal.at;
  }
  return first;
}

async function* readRecording(file: string): AsyncGenerator<RecordedSignal, undefined> {
  let number = 0;
  let before = 0;
  for await (const line of linesOf(file)) {
    number += 1;
    if (line.trim() === '') continue;
    const where = `${file}:${number}`;
    const signal = readRecordedLine(line, where);
    if (signal.at < before) {
      throw new Error(
        `${where}: is ${before - signal.at} ms older than the line before: sort by "at", oldest first`,
      );
    }
    before = signal.at;
    yield { signal, where };
  }
}

async function* linesOf(file: string): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const chunk of createReadStream(file, 'utf8')) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    throw new Error(`${file}: cannot be read: ${(error as Error).message}`);
  }
  yield rest;
}

/**
 * One recorded line as a signal.
 * @throws with `where` (file and line) and what was expected.
 */
export function readRecordedLine(line: string, where: string): Signal {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw new Error(`${where}: not JSON: ${(error as Error).message}`);
  }
  const parsed = recorded.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(`${where}: ${issue?.path.join('.') || 'the line'}: ${issue?.message}`);
  }
  const signal = parsed.data;
  switch (signal.kind) {
    case 'advertisement':
      return { ...signal, data: Buffer.from(signal.data, 'hex') };
    case 'message': {
      const { payload, payloadBase64, ...rest } = signal;
      const bytes =
        payloadBase64 === undefined ? Buffer.from(payload ?? '') : Buffer.from(payloadBase64, 'base64');
      if (bytes.length > MAX_PAYLOAD) {
        throw new Error(`${where}: a payload of ${bytes.length} octets, a device may send ${MAX_PAYLOAD}`);
      }
      return { ...rest, device: rest.topic.split('/')[1] ?? '', payload: bytes };
    }
    default:
      return signal;
  }
}
