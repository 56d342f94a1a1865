import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createReplay } from '../../gateway/cli/replay.ts';
import { readConfig } from '../../gateway/config.ts';
import { type ConsentRecord, consentRecord } from '../../gateway/consent-record.ts';
import { readRecordings } from '../../gateway/inputs/recording.ts';
import type { OutgoingEvent } from '../../gateway/uplinks/uplink.ts';

/** With a slash at its end; a folder for each story. */
export const SCENARIOS = fileURLToPath(new URL('../scenarios/', import.meta.url));

export const stories: string[] = readdirSync(SCENARIOS, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** The consents that hold while a story is told. */
export function recordsOfStory(name: string): ConsentRecord[] {
  const file = `${SCENARIOS}${name}/consents.json`;
  return consentRecord.array().parse(JSON.parse(readFileSync(file, 'utf8')));
}

/** Everything that the gateway makes of a story in test/scenarios, as the outbox hands it out. */
export async function eventsOfStory(name: string): Promise<OutgoingEvent[]> {
  const folder = `${SCENARIOS}${name}/`;
  const records = recordsOfStory(name);
  const events: OutgoingEvent[] = [];
  const replay = createReplay(readConfig(`${folder}store.yaml`), false, (body) => {
    const { id, type } = JSON.parse(body) as { id: string; type: string };
    events.push({ id, name: type.slice('aisle.'.length, -'.v1'.length), body });
  });
  let isFirst = true;
  for await (const { signal } of readRecordings([`${folder}signals.jsonl`])) {
    if (isFirst) replay.signal({ kind: 'consents', at: signal.at, list: 'full', records });
    isFirst = false;
    replay.signal(signal);
  }
  return events;
}
