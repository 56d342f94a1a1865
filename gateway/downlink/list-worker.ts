import { parentPort, type TransferListItem, workerData } from 'node:worker_threads';
import type { JWK } from 'jose';
import type { CentralCommand } from '../pipeline/signal.ts';
import { type PreparedWindow, prepareIds } from '../recognise/eid-prepared.ts';
import { readAnswer } from './answer.ts';
import { type CentralMessage, centralReader, type ListHead } from './central-message.ts';
import { recordsOf } from './list-part.ts';
import type { LongList } from './long-list.ts';
import { Refused } from './refused.ts';

/*
 * The thread that reads what the central platform sends: answers of HTTP, signatures, JSON, forms, parts.
 * A list of 45 MB takes seconds of work, which the gateway's own thread must not feel: what goes to it
 * are small things, and octets that change hands without being copied.
 */

export interface WorkerData {
  issuerKeys: readonly JWK[];
  storeId: string;
}

/** What the gateway's thread asks; each is answered by one `Told` of the same `id`. */
export type Ask =
  /** A piece of an HTTP answer, in order. */
  | { what: 'piece'; answer: number; octets: Uint8Array }
  /** The answer is complete. Value: `AnswerHead`. */
  | { what: 'answer'; answer: number }
  /** Reads one of its messages, once. Value: `Read`. */
  | { what: 'message'; answer: number; n: number }
  | { what: 'forget answer'; answer: number }
  /** Reads one message that came by itself. Value: `Read`. */
  | { what: 'octets'; octets: Uint8Array }
  /** Value: the ids that the list does not name. */
  | { what: 'omitted'; list: number; recordIds: readonly string[] }
  /** Value: `SliceRead`, once. */
  | { what: 'slice'; list: number; n: number }
  | { what: 'forget list'; list: number };

export interface AnswerHead {
  cursor?: unknown;
  /** Messages in it. */
  count: number;
}

export type Read =
  | { kind: 'refused'; reason: string }
  | { kind: 'nothing' }
  | { kind: 'command'; command: CentralCommand }
  /** `octets`: the JSON array of its records. */
  | { kind: 'list'; head: ListHead; octets: Uint8Array }
  | { kind: 'long-list'; head: ListHead; list: number; slices: number };

/** `octets`: the JSON array of the records; `prepared`: of their EID keys, in order. */
export interface SliceRead {
  octets: Uint8Array;
  prepared: PreparedWindow[];
}

export type Told = { id: number; value: unknown } | { id: number; error: string };

const { issuerKeys, storeId } = workerData as WorkerData;
const reader = centralReader(issuerKeys, storeId);
const pieces = new Map<number, Uint8Array[]>();
const answers = new Map<number, (string | undefined)[]>();
const lists = new Map<number, LongList>();
let lastList = 0;

parentPort?.on('message', ({ id, ask }: { id: number; ask: Ask }) => {
  answer(ask).then(
    (value) => tell({ id, value }, octetsIn(value)),
    (error: Error) => tell({ id, error: error.message }, []),
  );
});

function tell(told: Told, transfer: readonly TransferListItem[]): void {
  parentPort?.postMessage(told, transfer);
}

async function answer(ask: Ask): Promise<unknown> {
  switch (ask.what) {
    case 'piece':
      pieces.set(ask.answer, [...(pieces.get(ask.answer) ?? []), ask.octets]);
      return undefined;
    case 'answer':
      return openAnswer(ask.answer);
    case 'message':
      return read(takeMessage(ask.answer, ask.n));
    case 'forget answer':
      pieces.delete(ask.answer);
      answers.delete(ask.answer);
      return undefined;
    case 'octets':
      return read(Buffer.from(ask.octets).toString('latin1'));
    case 'omitted':
      return listOf(ask.list).omitted(ask.recordIds);
    case 'slice':
      return readSlice(listOf(ask.list).slice(ask.n));
    case 'forget list':
      lists.delete(ask.list);
      return undefined;
  }
}

function openAnswer(number: number): AnswerHead {
  const octets = pieces.get(number) ?? [];
  pieces.delete(number);
  const { cursor, messages } = readAnswer(octets);
  answers.set(number, messages);
  return { ...(cursor !== undefined && { cursor }), count: messages.length };
}

/** Each is read once: what was read need not be kept. */
function takeMessage(number: number, n: number): string {
  const messages = answers.get(number);
  const jws = messages?.[n] ?? '';
  if (messages) messages[n] = undefined;
  return jws;
}

async function read(jws: string): Promise<Read> {
  try {
    return told(await reader.read(jws));
  } catch (error) {
    if (error instanceof Refused) return { kind: 'refused', reason: error.message };
    throw error;
  }
}

function told(message: CentralMessage): Read {
  if (message.kind === 'consents') {
    const { records, ...head } = message;
    return { kind: 'list', head, octets: new TextEncoder().encode(JSON.stringify(records)) };
  }
  if (message.kind !== 'long-list') return message;
  lastList += 1;
  lists.set(lastList, message);
  return { kind: 'long-list', head: message.head, list: lastList, slices: message.slices };
}

/** The ids of a slice's tags are worked out here too: it is most of what they cost the gateway's thread. */
function readSlice(octets: Uint8Array): SliceRead {
  const keys = recordsOf({ octets }).flatMap((record) => record.keys);
  const now = Date.now();
  return { octets, prepared: keys.flatMap((key) => (key.kind === 'eid' ? prepareIds(key, now) : [])) };
}

function listOf(number: number): LongList {
  const list = lists.get(number);
  if (!list) throw new Error('the list is not here any more');
  return list;
}

function octetsIn(value: unknown): ArrayBuffer[] {
  const octets = value instanceof Uint8Array ? value : (value as { octets?: unknown } | undefined)?.octets;
  return octets instanceof Uint8Array ? [octets.buffer as ArrayBuffer] : [];
}
