import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { waitingIn } from '../support/book.ts';
import { anonymousShop } from '../support/button-shop.ts';
import { type ForeignReceiver, type ForeignRequest, foreignReceiver } from '../support/foreign-receiver.ts';
import { judge } from '../support/ledger.ts';
import { connected, pressNext } from '../support/raw-mqtt.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { sendThrough } from '../support/spoilt-line.ts';
import { until } from '../support/until.ts';

/* A receiver that is not this project's answers in its own way, to one gateway that runs through all of it. */

const SHOP = anonymousShop(['b1']);

let shop: Shop;
let receiver: ForeignReceiver;
let port: number;
let password: Buffer;
const acknowledged: string[] = [];
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  shop = await openShop(SHOP);
  closers.push(() => shop.close());
  receiver = await foreignReceiver(undefined, (close) => closers.push(close));
  sendThrough(shop, receiver.port);
  password = Buffer.from(addDevice(readConfig(shop.config), 'b1', 0).secret);
  port = (await shop.start()).mqtt;
});
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

/** A button, and a line that is well: what it presses now goes out at once. Gives the press' cause. */
async function button(): Promise<() => Promise<string>> {
  const client = await connected(port, 'b1', { password });
  const press = () => pressNext(client, acknowledged);
  receiver.answer = () => false;
  await press();
  await until(allArrived, 'a line that is well');
  return press;
}

const arrived = (cause: string) => receiver.taken().some(({ causationid }) => causationid === cause);
const dead = new Set<string>();
const allArrived = () => acknowledged.every((cause) => dead.has(cause) || arrived(cause));
const judged = () => judge({ acknowledged, committed: receiver.taken(), waiting: waitingIn(shop.config) });

const says =
  (status: number, headers: Record<string, string> = {}, body = '') =>
  ({ response }: ForeignRequest): boolean =>
    Boolean(response.writeHead(status, headers).end(body));

describe('F12', { timeout: 120_000 }, () => {
  it.each<[string, (request: ForeignRequest) => boolean]>([
    ['500', says(500)],
    ['200 and a login page', says(200, { 'content-type': 'text/html' }, '<html>Please log in</html>')],
    ['200 and what is no JSON', says(200, {}, '{"accepted":[')],
    ['200 about events of others', says(200, {}, '{"accepted":["e-1"]}')],
  ])('P1: nothing is lost while the answer is %s', async (_what, answer) => {
    const press = await button();
    receiver.answer = answer;
    const before = receiver.requests.length;
    const waiting = [await press(), await press(), await press()];
    await until(() => receiver.requests.length >= before + 2, 'two attempts');
    expect(waiting.filter(arrived)).toEqual([]);
    expect(judged()).toEqual([]);
    receiver.answer = () => false;
    await until(allArrived, 'all');
    expect(judged()).toEqual([]);
  });

  it.each<[string, number, () => Record<string, string>]>([
    ['429 with seconds', 1_950, () => ({ 'retry-after': '2' })],
    // A date has whole seconds: of two, one may be over.
    ['503 with a date', 950, () => ({ date: utc(0), 'retry-after': utc(2_000) })],
  ])('%s is given the rest that it asks for, by both lanes, and no more', async (what, least, headers) => {
    const press = await button();
    const status = Number(what.slice(0, 3));
    let refusedAt = 0;
    receiver.answer = ({ response }) => {
      refusedAt = performance.now();
      receiver.answer = () => false;
      return Boolean(response.writeHead(status, headers()).end());
    };
    await press();
    await until(() => refusedAt > 0, 'the refusal');
    const asked = receiver.requests.length;
    await press();
    await until(() => receiver.requests.length > asked, 'the next attempt');
    const restMs = (receiver.requests[asked]?.at ?? 0) - refusedAt;
    expect(restMs).toBeGreaterThan(least);
    expect(restMs).toBeLessThan(6_000);
    await until(allArrived, 'all');
    expect(judged()).toEqual([]);
  });

  it.each([400, 413, 422])(
    'P9: one event that is answered %i for good blocks no other, and is declared',
    async (status) => {
      const press = await button();
      const before = gaps().length;
      const poison = `b1/b1/${acknowledged.length + 2}`;
      dead.add(poison);
      receiver.answer = ({ events, response }) =>
        events.some(({ causationid }) => causationid === poison) && Boolean(response.writeHead(status).end());
      for (let n = 0; n < 4; n += 1) await press();
      await until(allArrived, 'the others');
      await until(() => gaps().length > before, 'the gap');
      expect(gaps().at(-1)?.data).toMatchObject({ reason: 'dead', count: 1 });
      expect(judged()).toEqual([]);
      const left = () => waitingIn(shop.config).map(({ causationid }) => causationid);
      await until(() => left().join() === [...dead].join(), 'the settlement of all others');
    },
  );

  it('P1: 401: a token that is put right in its file is used without a restart, and what waited arrives', async () => {
    const press = await button();
    receiver.answer = ({ authorization, response }) =>
      authorization !== 'Bearer the new one' && Boolean(response.writeHead(401).end());
    const before = receiver.requests.length;
    const waiting = [await press(), await press()];
    await until(() => receiver.requests.length >= before + 2, 'two refusals');
    expect(waiting.filter(arrived)).toEqual([]);
    expect(judged()).toEqual([]);
    writeFileSync(join(shop.folder, 'token'), 'the new one\n');
    await until(allArrived, 'all');
    expect(judged()).toEqual([]);
  });
});

const gaps = () => receiver.taken().filter(({ type }) => type === 'aisle.gateway.gap.v1');
const utc = (inMs: number) => new Date(Date.now() + inMs).toUTCString();
