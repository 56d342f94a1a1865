import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SeriesSource, TooMuch } from '../../../../gateway/telemetry/series.ts';
import { until } from '../../../support/until.ts';
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
    ['no step at all', { step: 0 }, /^a step has to be a multiple of 10 seconds$/],
    ['a step that is not said', { step: ' ' }, /^step: has to be a number$/],
    ['a beginning that is not said', { from: '' }, /^from: has to be a number$/],
    ['an end without end', { to: 'Infinity' }, /^to: has to be a number$/],
    [
      'a step of centuries',
      { step: 9e15 },
      /^a range lies, in whole steps, between the years 1970 and 2261$/,
    ],
    ['a time before all times', { from: -1 }, /^a range lies, in whole steps, between/],
    ['a tag that every object has', { 'tag.__proto__': 'x' }, /^climate has no tag __proto__, only/],
    ['a tag without a name', { 'tag.': 'x' }, /^climate has no tag , only device, zone$/],
    [
      'a tag of a length that none has',
      { 'tag.zone': 'x'.repeat(129) },
      /^tag\.zone: may have 128 characters$/,
    ],
    ['an end before the beginning', { to: 1 }, /begins before it ends/],
    [
      'too many steps',
      { from: 0 },
      /^\d+ steps are more than 2000 at a time: ask for longer ones, or for a shorter range$/,
    ],
    ['a foreign tag', { 'tag.person': 'x' }, /^climate has no tag person, only device, zone$/],
    ['a word that is not known', { limit: 3 }, /^limit: is not known here; tags are given as tag\.<name>$/],
  ])('refuses %s with 400 and a sentence', async (_, change, sentence) => {
    const answer = await get({ ...asked(), ...change });
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: string }).error).toMatch(sentence);
  });

  it('refuses what stands twice, naming it', async () => {
    const headers = { authorization: `Bearer ${shop.token}` };
    const twice = async (part: string) => {
      const text = new URLSearchParams(
        Object.fromEntries(Object.entries(asked()).map(([key, value]) => [key, String(value)])),
      );
      const answer = await fetch(`${shop.url}/api/series?${text}&${part}`, { headers });
      return [answer.status, ((await answer.json()) as { error: string }).error];
    };
    expect(await twice('from=1')).toEqual([400, 'from: has to be a number']);
    expect(await twice('tag.device=a&tag.device=b')).toEqual([400, 'tag.device: may stand once']);
  });

  it.each([
    ['a quote', `x' OR ''='`],
    ['a nul', 'x\0y'],
    ['another script', '溫度'],
    ['a line end', 'x\r\ny'],
  ])('takes a tag with %s for one that no series has', async (_, value) => {
    const answer = await get({ ...asked(), 'tag.device': value });
    expect(answer.status).toBe(200);
    expect(((await answer.json()) as { lines: unknown }).lines).toEqual([]);
  });

  it('answers in the future, and to HEAD without a body', async () => {
    const later = await get({ ...asked(), from: end + HOUR, to: end + 2 * HOUR });
    expect(await later.json()).toMatchObject({ lines: [] });
    const head = async (query: object, token = shop.token) => {
      const text = new URLSearchParams(query as Record<string, string>);
      const headers = { authorization: `Bearer ${token}` };
      const answer = await fetch(`${shop.url}/api/series?${text}`, { method: 'HEAD', headers });
      return [answer.status, await answer.text()];
    };
    expect(await head(asked())).toEqual([200, '']);
    expect(await head({})).toEqual([400, '']);
    expect(await head(asked(), 'other')).toEqual([401, '']);
  });

  it('F27: does not wait for a question that nobody answers when the server closes', async () => {
    let isAsked = false;
    const query = () => {
      isAsked = true;
      return new Promise<never>(() => {});
    };
    const stuck: SeriesSource = { name: 'influxdb', query };
    const ending = await openShop({ before: [stuck], patienceMs: 60_000 });
    const address = `${ending.url}/api/series?measurement=gateway&field=messages&from=0&to=60000&step=60`;
    const asking = fetch(address, { headers: { authorization: `Bearer ${ending.token}` } });
    await until(() => isAsked, 'the question');
    const from = performance.now();
    await ending.close();
    expect(performance.now() - from).toBeLessThan(5_000);
    const answer = await asking;
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ error: 'influxdb: the gateway ends' });
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
