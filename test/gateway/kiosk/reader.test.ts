import { beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../../../gateway/pipeline/outcome.ts';
import type { Pipeline } from '../../../gateway/pipeline/pipeline.ts';
import { consent, list, message, names, SECOND, shop, TEN, tick, tokenOf } from '../pipeline/shop.ts';
import { createIssuer, type Issuer, kioskConfig, ticket } from './kiosk.ts';

let issuer: Issuer;

beforeAll(async () => {
  issuer = await createIssuer();
});

/** A reader and two buttons at the door, and who agreed before. */
function door(records = [consent(1)]): Pipeline {
  const button = { kind: 'smart-button', zone: 'entrance' };
  const pipeline = shop({
    config: kioskConfig(issuer, (config) => ({
      ...config,
      devices: [
        ...config.devices,
        { id: 'reader-1', kind: 'check-in', zone: 'entrance' },
        { ...button, id: 'yes', intents: { press: 'consent-grant' } },
        { ...button, id: 'no', intents: { press: 'consent-withdraw' } },
      ],
    })),
  });
  pipeline.accept(tick(TEN, true));
  pipeline.accept(list(TEN, 1, records));
  return pipeline;
}

let seq = 0;
function scan(pipeline: Pipeline, code: string, choice?: 'grant' | 'withdraw', at = TEN + SECOND): Outcome {
  seq += 1;
  return pipeline.accept(message('reader-1', 'scanned', { code, choice, boot: 'b', seq }, at));
}
const press = (pipeline: Pipeline, button: string, at = TEN + 2 * SECOND) =>
  pipeline.accept(message(button, 'pressed', { button: 1, press: 'press' }, at));

const dataOf = (outcome: Outcome, name: string) => outcome.events.find((event) => event.name === name)?.data;

describe('R7: a reader at the door', () => {
  it('withdraws by one code what a list granted, and grants by one code what nobody granted', async () => {
    const pipeline = door();
    const withdrawn = scan(pipeline, tokenOf(1), 'withdraw');
    expect(dataOf(withdrawn, 'consent.withdrawn')).toMatchObject({ recordId: 'c1', channel: 'check-in' });
    expect(withdrawn.purge).toMatchObject([{ subjectRef: 'p1' }]);
    expect(pipeline.held('c1')).toBeUndefined();
    const granted = scan(pipeline, await issuer.sign(ticket(2)), 'grant');
    expect(dataOf(granted, 'consent.granted')).toMatchObject({
      recordId: 'c2',
      purposes: ['recognition', 'location'],
      noticeVersion: '4',
    });
  });

  it('with two buttons beside it takes a code and a press for either', async () => {
    const pipeline = door([]);
    scan(pipeline, await issuer.sign(ticket(1)));
    expect(names(press(pipeline, 'yes'))).toContain('consent.granted');
    expect(pipeline.held('c1')).toMatchObject({ method: 'button' });
    scan(pipeline, tokenOf(1));
    expect(names(press(pipeline, 'no'))).toContain('consent.withdrawn');
    expect(pipeline.held('c1')).toBeUndefined();
  });

  it('recognises who shows a code in force, and of anybody else nothing lasts', () => {
    const pipeline = door();
    const seen = scan(pipeline, `aisle:${tokenOf(1)}`);
    expect(dataOf(seen, 'visit.started')).toMatchObject({ method: 'check-in' });
    const stranger = scan(pipeline, tokenOf(9));
    expect([stranger.events, stranger.purge, stranger.audit]).toEqual([[], [], []]);
  });

  it('R13: nothing that a scan brings about holds the code', async () => {
    const pipeline = door();
    const codes = [tokenOf(1), tokenOf(9), await issuer.sign(ticket(3)), `${await issuer.sign(ticket(4))}x`];
    const outcomes = codes.flatMap((code) => [
      scan(pipeline, code),
      press(pipeline, 'no'),
      scan(pipeline, code, 'withdraw'),
      scan(pipeline, code, 'withdraw'),
    ]);
    const said = JSON.stringify(outcomes);
    for (const part of codes.flatMap((code) => [code, ...code.split('.')])) expect(said).not.toContain(part);
  });
});
