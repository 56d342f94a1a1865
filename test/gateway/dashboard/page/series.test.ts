import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SeriesSource, TooMuch } from '../../../../gateway/telemetry/series.ts';
import { feed, openShop } from './shop.ts';

type Shop = Awaited<ReturnType<typeof openShop>>;
const HOUR = 3_600_000;

describe('GET /api/series', () => {
  let shop: Shop;
  let end: number;
  let first: SeriesSource['query'] | undefined;

  beforeAll(async () => {
    const influx: SeriesSource = {
      name: 'influxdb',
      query: (query) => first?.(query) ?? Promise.reject(new Error('it cannot be reached')),
    };
    shop = await openShop({ before: [influx] });
    end = Date.now();
    await feed(shop.history, end, HOUR);
  });
  afterAll(() => shop.close());

  function get(query: Record<string, string | number>, token = shop.token) {
    const texts = Object.entries(query).map(([key, value]) => [key, String(value)]);
    const text = new URLSearchParams(Object.fromEntries(texts));
    return fetch(`${shop.url}/api/series?${text}`, { headers: { authorization: `Bearer ${token}` } });
  }
  const asked = () => ({
    measurement: 'climate',
    field: 'temperature_celsius',
    from: end - HOUR,
    to: end,
    step: 300,
  });

  it('asks InfluxDB first, and says that it was', async () => {
    first = async () => [{ tags: {}, points: [[0, 1]] }];
    const answer = await (await get(asked())).json();
    first = undefined;
    expect(answer).toEqual({ source: 'influxdb', lines: [{ tags: {}, points: [[0, 1]] }], failed: [] });
  });

  it('asks InfluxDB again at once where only one question was too much for it', async () => {
    first = async ({ tags }) => {
      if (!tags?.device) throw new TooMuch('more than 500 series');
      return [];
    };
    const sourceOf = async (query: object) => {
      const { source } = (await (await get({ ...asked(), ...query })).json()) as { source: string };
      return source;
    };
    expect(await sourceOf({})).toBe('history');
    expect(await sourceOf({ 'tag.device': 'till' })).toBe('influxdb');
    first = undefined;
  });

  it('gives lines, in the steps that were asked for, to who has the token', async () => {
    expect((await get(asked(), 'other')).status).toBe(401);
    const { source, lines, failed } = (await (
      await get({ ...asked(), 'tag.device': 'till' })
    ).json()) as never;
    expect({ source, failed }).toEqual({
      source: 'history',
      failed: [{ source: 'influxdb', reason: 'it cannot be reached' }],
    });
    expect(lines).toMatchObject([{ tags: { device: 'till', zone: 'till' } }]);
    const at = (lines as { points: [number, number][] }[])[0]?.points[0]?.[0] ?? Number.NaN;
    expect(at % 300_000).toBe(0);
  });

  it.each<[string, Record<string, string | number>, RegExp]>([
    ['no measurement', { measurement: '' }, /^there is no series of temperature_celsius in $/],
    ['an unknown field', { field: 'mood' }, /^there is no series of mood in climate$/],
    ['a step that is no number', { step: 'often' }, /^step: has to be a number$/],
    ['half a window', { step: 5 }, /multiple of 10 seconds/],
    ['an end before the beginning', { to: 1 }, /begins before it ends/],
    ['too many steps', { from: 0 }, /^step: \d+ steps are more than 2000: ask for a longer step/],
    ['a foreign tag', { 'tag.person': 'x' }, /^climate has no tag person, only device, zone$/],
    ['a word that is not known', { limit: 3 }, /^limit: is not known here; tags are given as tag\.<name>$/],
  ])('refuses %s with 400 and a sentence', async (_, change, sentence) => {
    const answer = await get({ ...asked(), ...change });
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: string }).error).toMatch(sentence);
  });

  it('waits once for a source that does not answer, then leaves it alone for a while', async () => {
    let asks = 0;
    const query = () => {
      asks += 1;
      return new Promise<never>(() => {});
    };
    const slow = await openShop({ before: [{ name: 'influxdb', query }], patienceMs: 50 });
    const address = `${slow.url}/api/series?measurement=gateway&field=messages&from=0&to=60000&step=60`;
    const headers = { authorization: `Bearer ${slow.token}` };
    const answers = [];
    for (let n = 0; n < 3; n += 1) answers.push(await (await fetch(address, { headers })).json());
    await slow.close();
    const failed = [{ source: 'influxdb', reason: 'no answer within 0.05 s' }];
    expect(answers).toEqual(Array(3).fill({ source: 'history', lines: [], failed }));
    expect(asks).toBe(1);
  });

  it('refuses a request without its parts, naming the first', async () => {
    const answer = await get({ field: 'temperature_celsius' });
    expect(await answer.json()).toEqual({
      error: expect.stringMatching(/^measurement: has to be one of climate, thermostat, /),
    });
  });

  it('answers 503 with each reason where no source can', async () => {
    await shop.history.close();
    const answer = await get(asked());
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      error: 'influxdb: it cannot be reached; history: the history is closed',
    });
  });
});
