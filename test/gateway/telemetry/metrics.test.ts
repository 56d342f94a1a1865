import { readFileSync } from 'node:fs';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classOf } from '../../../gateway/outbox/event-counts.ts';
import { agreed } from '../../support/agreed.ts';
import { BEACON, buttonShop } from '../../support/button-shop.ts';
import { hasPromtool, promtool, samplesOf, scrape } from '../../support/prometheus.ts';
import { openShop, type RunningGateway, type Shop } from '../../support/shop.ts';
import { until } from '../../support/until.ts';

/* One gateway for all of these: what it says when it is fresh, and after a day's work in small. */

const DOCUMENTATION = readFileSync('gateway/docs/metrics.md', 'utf8');
const TOKEN = 'c0ffee00c0ffee00c0ffee00c0ffee00';
const PERSON = { token: TOKEN, subjectRef: 'shopper-reference-77', recordId: 'consent-record-77' };
/** Presses that a foreign client sends, and how many of them are sent twice. */
const PRESSES = 40;

let shop: Shop;
let gateway: RunningGateway;
let fresh: string;
let worked: string;

beforeAll(async () => {
  shop = await openShop(
    buttonShop(
      ['b1'],
      '  - {id: r1, kind: receiver, zone: shoes}\ninflux: {url: "http://127.0.0.1:9", database: aisle}',
    ),
  );
  const secret = shop.addDevice('b1');
  gateway = await shop.start();
  fresh = await scrape(gateway.http);
  await agree();
  await work(secret);
  worked = await settledScrape();
}, 60_000);

afterAll(() => shop.close());

/** Somebody agrees, and their app hears a beacon. */
async function agree(): Promise<void> {
  const records = [agreed([{ kind: 'app', token: TOKEN }], PERSON)];
  const payload = { storeId: 's1', list: 'full', version: 1, issuedAt: new Date().toISOString(), records };
  await shop.ask('/downlink', { kind: 'consents', payload });
  await until(() => gateway.log().includes('shoppers who agreed are recognised'), 'the list');
  const ranged = { token: TOKEN, beacons: [{ ...BEACON, rssi: -60 }] };
  await fetch(`http://127.0.0.1:${gateway.http}/api/app/ranged`, {
    method: 'POST',
    body: JSON.stringify(ranged),
  });
}

/** MQTT.js presses, says what is no JSON, and tries what it may not. */
async function work(secret: string): Promise<void> {
  const url = `mqtt://127.0.0.1:${gateway.mqtt}`;
  const client = await connectAsync(url, { clientId: 'b1', username: 'b1', password: secret });
  const said = (seq: number) => JSON.stringify({ button: 1, press: 'press', boot: 'b', seq });
  for (let seq = 1; seq <= PRESSES; seq += 1)
    await client.publishAsync('devices/b1/pressed', said(seq), { qos: 1 });
  await client.publishAsync('devices/b1/pressed', 'not JSON', { qos: 1 });
  await client.publishAsync('devices/b1/pressed', said(PRESSES), { qos: 2 });
  await client.endAsync();
  const wrong = { clientId: 'b1', username: 'b1', password: 'wrong', reconnectPeriod: 0 };
  await expect(connectAsync(url, wrong)).rejects.toThrow(/not authorized|bad user/i);
}

/** The figures once everything has arrived, and the half second is over for which a text is good. */
async function settledScrape(): Promise<string> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const text = await scrape(gateway.http);
    const value = valueIn(text);
    const forwarded = ['A', 'B', 'C'].map((kind) =>
      value(`gateway_events_forwarded_total{uplink="${uplink()}",class="${kind}"}`),
    );
    const stored = ['A', 'B', 'C'].map((kind) => value(`gateway_events_stored_total{class="${kind}"}`));
    const isIn = value('gateway_mqtt_connects_total{result="wrong_credentials"}') === 1;
    if (isIn && value('gateway_outbox_events') === 0 && `${forwarded}` === `${stored}`) return text;
    if (performance.now() > deadline)
      throw new Error(`not settled: ${stored} stored, ${forwarded} forwarded`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What the profile store took: the middle of `aisle.<name>.v1` of each event. */
async function typesTaken(): Promise<string[]> {
  const { events } = (await shop.ask('/events?limit=1000')) as { events: { event: { type: string } }[] };
  return events.map(({ event: { type } }) => type.replace(/^aisle\.|\.v1$/g, ''));
}

const uplink = () => `http ${new URL(shop.profiles.url).host}`;
const valueIn = (text: string) => {
  const samples = samplesOf(text);
  return (series: string) => samples.get(series);
};

describe.skipIf(!hasPromtool)('promtool check metrics', () => {
  it('has nothing to say of a gateway that has just started', () => {
    expect(promtool(fresh)).toEqual({ status: 0, says: '' });
  });

  it('has nothing to say of one that has worked', () => {
    expect(promtool(worked)).toEqual({ status: 0, says: '' });
  });

  it('would say something', () => {
    const bad = '# TYPE a_total gauge\na_total 1\n';
    expect(promtool(bad)).toMatchObject({ status: 3, says: expect.stringContaining('no help text') });
  });
});

it('every series is there from the start, at 0', () => {
  const own = (text: string) => [...samplesOf(text).keys()].filter((series) => series.startsWith('gateway_'));
  expect(own(worked)).toEqual(own(fresh));
  const value = valueIn(fresh);
  for (const kind of ['A', 'B', 'C']) {
    for (const reason of ['erased', 'expired', 'dead', 'shed']) {
      expect(value(`gateway_events_dropped_total{class="${kind}",reason="${reason}"}`)).toBe(0);
    }
  }
  for (const result of ['accepted', 'wrong_credentials', 'no_credentials', 'foreign_client_id']) {
    expect(value(`gateway_mqtt_connects_total{result="${result}"}`)).toBe(0);
  }
  for (const state of ['off', 'starting', 'scanning', 'silent', 'failed']) {
    expect(value(`gateway_radio_state{receiver="r1",state="${state}"}`)).toBe(0);
  }
  expect(value('gateway_radio_state{receiver="r1",state="unknown"}')).toBe(1);
});

it('the figures are those of what a foreign client sent and the profile store took', async () => {
  const value = valueIn(worked);
  expect(value('gateway_mqtt_connects_total{result="accepted"}')).toBe(1);
  expect(value('gateway_mqtt_connects_total{result="wrong_credentials"}')).toBe(1);
  expect(value('gateway_mqtt_messages_received_total{qos="1"}')).toBe(PRESSES + 1);
  expect(value('gateway_mqtt_messages_received_total{qos="2"}')).toBe(1);
  expect(value('gateway_mqtt_puback_duration_seconds_count')).toBe(PRESSES + 2);
  expect(value('gateway_mqtt_messages_dropped_total{reason="not_json"}')).toBe(1);
  expect(value('gateway_mqtt_connections')).toBe(0);
  const took = await typesTaken();
  const kinds = ['A', 'B', 'C'].map((kind) => ({
    stored: value(`gateway_events_stored_total{class="${kind}"}`),
    forwarded: value(`gateway_events_forwarded_total{uplink="${uplink()}",class="${kind}"}`),
    took: took.filter((type) => classOf(type) === kind).length,
  }));
  for (const { stored, forwarded, took: taken } of kinds) expect([stored, forwarded]).toEqual([taken, taken]);
  expect(took.filter((type) => type === 'button.pressed')).toHaveLength(PRESSES);
  expect(value(`gateway_event_end_to_end_seconds_count{uplink="${uplink()}"}`)).toBe(took.length);
  expect(value(`gateway_forward_attempts_total{uplink="${uplink()}",result="taken"}`)).toBe(
    value(`gateway_forward_duration_seconds_count{uplink="${uplink()}"}`),
  );
  expect(value(`gateway_uplink_connected{uplink="${uplink()}"}`)).toBe(1);
  expect(value('gateway_recognition_active')).toBe(1);
  expect(value('gateway_consent_list_version')).toBe(1);
});

it('nobody is in it, nor a secret: no token, reference or record of who is recognised, no path of an uplink', async () => {
  const ready = await (await fetch(`http://127.0.0.1:${gateway.http}/readyz`)).text();
  expect(await typesTaken()).toContain('visit.started');
  for (const text of [worked, ready]) {
    for (const mark of [...Object.values(PERSON), BEACON.uuid])
      expect(text.toLowerCase()).not.toContain(mark);
    expect(text).not.toMatch(/http:\/\/|:\/\/|b1/);
  }
});

it('consents are told in tens: that one person agreed does not show', () => {
  const value = valueIn(worked);
  expect(value('gateway_consents{state="in_force"}')).toBe(0);
});

it('the text names its format as Prometheus asks for it', async () => {
  const answer = await fetch(`http://127.0.0.1:${gateway.http}/metrics`);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
});

it('the documentation names every metric, and no other', () => {
  const exposed = worked.match(/(?<=^# TYPE )gateway_\w+/gm) ?? [];
  expect(tableOf('## The metrics').sort()).toEqual([...exposed].sort());
});

/** The metrics named in the first column of the first table under a heading. */
function tableOf(heading: string): string[] {
  const section = DOCUMENTATION.slice(DOCUMENTATION.indexOf(heading));
  const rows = section.split('\n\n').find((part) => part.startsWith('|')) ?? '';
  return rows.split('\n').flatMap((row) => row.split('|')[1]?.match(/gateway_\w+/g) ?? []);
}
