import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { cloudEvent, sourceOf } from '../cloud-event.ts';
import type { Config } from '../config.ts';
import { consentRecord } from '../consents.ts';
import { noState } from '../database.ts';
import { readBindKey } from '../gateway.ts';
import { readRecordedLine } from '../inputs/recording.ts';
import { shopDevices } from '../pipeline/decode.ts';
import type { StoreEvent } from '../pipeline/outcome.ts';
import { createPipeline, type Pipeline } from '../pipeline/pipeline.ts';
import type { Signal } from '../pipeline/signal.ts';
import { seededRandom } from '../seeded-random.ts';

const EPOCH = 'replay';
const SECOND = 1_000;

export interface ReplayOptions {
  consents?: string;
  until?: string;
  explain?: boolean;
}

/**
 * A recording through the pipeline: CloudEvents as JSON lines, the same bytes every time (epoch
 * `replay`, `recordedtime` is the signal's `at`, randomness seeded). Ticks each whole second of the
 * recording's clock. The configuration's clock source is not asked: the recording is the clock.
 * @throws with file and line where the recording cannot be read.
 */
export async function replay(
  config: Config,
  files: readonly string[],
  options: ReplayOptions,
  out: (line: string) => void,
): Promise<void> {
  const run = createReplay(config, options.explain === true, out);
  if (options.consents !== undefined) run.consents(bareList(options.consents));
  for (const file of files) {
    let number = 0;
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      number += 1;
      if (line.trim() !== '') run.signal(readRecordedLine(line, `${file}:${number}`));
    }
  }
  if (options.until !== undefined) run.until(timeOf(options.until));
}

/** The replay itself, over signals that are there already. */
export function createReplay(config: Config, explain: boolean, out: (line: string) => void) {
  const devices = shopDevices(config, readBindKey);
  const pipeline = createPipeline({
    config: { ...config, clock: { source: 'trusted' } },
    devices,
    stored: noState,
    random: seededRandom(1),
  });
  const source = sourceOf(config.store);
  let sequence = 0;
  let clock: number | undefined;
  let list: ReturnType<typeof bareList> | undefined;

  function write(events: readonly StoreEvent[], at: number): void {
    for (const event of events) {
      sequence += 1;
      const expiresAt =
        event.subjectRef === undefined ? undefined : event.time + config.retention.personalHours * 3_600_000;
      out(cloudEvent(event, { source, epoch: EPOCH, sequence, recordedAt: at, expiresAt }));
    }
  }

  /** Every whole second up to `at`, the first on. */
  function tickTo(at: number): void {
    clock ??= Math.ceil(at / SECOND) * SECOND - SECOND;
    while (clock + SECOND <= at) {
      clock += SECOND;
      write(pipeline.accept({ kind: 'tick', at: clock }).events, clock);
      if (explain) explainPlaces(pipeline, clock, out);
    }
  }

  function signal(next: Signal): void {
    if (list) {
      write(pipeline.accept({ kind: 'consents', at: next.at, list: 'full', records: list }).events, next.at);
      list = undefined;
    }
    tickTo(next.at);
    write(pipeline.accept(next).events, next.at);
  }

  return {
    consents: (records: ReturnType<typeof bareList>) => {
      list = records;
    },
    signal,
    until: tickTo,
  };
}

function explainPlaces(pipeline: Pipeline, at: number, out: (line: string) => void): void {
  for (const { subject, zone, x, y, confidence, why } of pipeline.presences()) {
    const place = {
      kind: 'place',
      at,
      subjectRef: subject.ref,
      x: x ?? null,
      y: y ?? null,
      zone,
      confidence,
      why,
    };
    out(JSON.stringify(place));
  }
}

/** A bare list: the payload of a signed one, or its records alone. */
export function bareList(file: string) {
  const parsed = JSON.parse(readFileSync(file, 'utf8'));
  const records = consentRecord.array().safeParse(Array.isArray(parsed) ? parsed : parsed?.records);
  if (records.success) return records.data;
  const issue = records.error.issues[0];
  throw new Error(`${file}: records.${issue?.path.join('.')}: ${issue?.message}`);
}

function timeOf(text: string): number {
  const at = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(at)) throw new Error(`--until ${text}: is neither ISO 8601 nor milliseconds`);
  return at;
}
