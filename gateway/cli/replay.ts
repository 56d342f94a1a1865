import { readFileSync } from 'node:fs';
import { readBindKey } from '../bind-key.ts';
import { cloudEvent, sourceOf } from '../cloud-event.ts';
import type { Config } from '../config.ts';
import { type ConsentRecord, consentRecord } from '../consent-record.ts';
import { readRecordings } from '../inputs/recording.ts';
import { shopDevices } from '../pipeline/decode.ts';
import { nothingStored, type StoreEvent } from '../pipeline/outcome.ts';
import { createPipeline, type Pipeline } from '../pipeline/pipeline.ts';
import type { Signal } from '../pipeline/signal.ts';
import { seededRandom } from '../seeded-random.ts';

const EPOCH = 'replay';
const SEED = 1;
const SECOND = 1_000;
/** Seconds without a line are ticked through one by one; after more than this something is wrong, ms. */
const LONGEST_SILENCE = 7 * 86_400_000;

export interface ReplayOptions {
  /** A file with a bare consent list, in force from the first signal on. */
  consents?: string;
  /** Until this moment: later lines are left out, and ticks go on until then. ISO 8601 (UTC) or ms. */
  until?: string;
  explain?: boolean;
}

/**
 * Recordings through the pipeline: CloudEvents as JSON lines, the same bytes every time (epoch
 * `replay`, `recordedtime` is the signal's `at`, randomness seeded). Ticks each whole second of the
 * recording's clock. The configuration's clock source is not asked: the recording is the clock.
 * @throws with file and line where a recording cannot be read.
 */
export async function replay(
  config: Config,
  files: readonly string[],
  options: ReplayOptions,
  out: (line: string) => void,
): Promise<void> {
  const until = options.until === undefined ? undefined : timeOf(options.until);
  const list = options.consents === undefined ? undefined : bareList(options.consents);
  const run = createReplay(config, options.explain === true, out);
  let last: number | undefined;
  for await (const { signal, where } of readRecordings(files)) {
    const { at } = signal;
    if (until !== undefined && at > until) break;
    if (last === undefined && list) run.signal({ kind: 'consents', at, list: 'full', records: list });
    refuseSilence(at - (last ?? at), where);
    last = at;
    run.signal(signal);
  }
  if (until === undefined || last === undefined) return;
  refuseSilence(until - last, `--until ${options.until}`);
  run.tickTo(until);
}

/** The replay itself, over signals that are there already. */
export function createReplay(config: Config, explain: boolean, out: (line: string) => void) {
  const { notice = { id: 'replay', version: '0', languages: ['en'] } } = config.store;
  const pipeline = createPipeline({
    // Neither the clock nor the notice of a shop that is open is at stake here.
    config: { ...config, clock: { source: 'trusted' }, store: { ...config.store, notice } },
    devices: shopDevices(config, readBindKey),
    stored: nothingStored,
    random: seededRandom(SEED),
  });
  const source = sourceOf(config.store);
  const personalFor = config.retention.personalHours * 3_600_000;
  let sequence = 0;
  let clock: number | undefined;

  function enter(signal: Signal): void {
    for (const event of pipeline.accept(signal).events) write(event, signal.at);
  }

  function write(event: StoreEvent, recordedAt: number): void {
    sequence += 1;
    const expiresAt = event.subjectRef === undefined ? undefined : event.time + personalFor;
    out(cloudEvent(event, { source, epoch: EPOCH, sequence, recordedAt, expiresAt }));
  }

  /** Every whole second up to `at`, from the first signal's on. */
  function tickTo(at: number): void {
    clock ??= Math.ceil(at / SECOND) * SECOND - SECOND;
    while (clock + SECOND <= at) {
      clock += SECOND;
      enter({ kind: 'tick', at: clock });
      if (explain) explainPlaces(pipeline, clock, out);
    }
  }

  function signal(next: Signal): void {
    tickTo(next.at);
    enter(next);
  }

  return { signal, tickTo };
}

function explainPlaces(pipeline: Pipeline, at: number, out: (line: string) => void): void {
  for (const { subject, zone, x = null, y = null, confidence, why } of pipeline.presences()) {
    out(JSON.stringify({ kind: 'place', at, subjectRef: subject.ref, x, y, zone, confidence, why }));
  }
}

/**
 * A bare list: the payload of a signed one, or its records alone; its age is not asked.
 * @throws with the file and what was expected.
 */
export function bareList(file: string): ConsentRecord[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
  const listed = Array.isArray(parsed) ? parsed : (parsed as { records?: unknown } | null)?.records;
  const records = consentRecord.array().safeParse(listed);
  if (records.success) return records.data;
  const issue = records.error.issues[0];
  throw new Error(`${file}: ${['records', ...(issue?.path ?? [])].join('.')}: ${issue?.message}`);
}

function timeOf(text: string): number {
  const isUtcLeftOut = /^\d{4}-\d{2}-\d{2}T[\d:.]+$/.test(text);
  const at = /^\d+$/.test(text) ? Number(text) : Date.parse(isUtcLeftOut ? `${text}Z` : text);
  if (!Number.isFinite(at)) throw new Error(`--until ${text}: is neither ISO 8601 nor milliseconds`);
  return at;
}

function refuseSilence(ms: number, where: string): void {
  if (ms <= LONGEST_SILENCE) return;
  const days = Math.round(ms / 86_400_000);
  throw new Error(`${where}: is ${days} days after the line before: split the recording, or mend the time`);
}
