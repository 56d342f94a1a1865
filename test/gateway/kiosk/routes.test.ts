import { beforeAll, describe, expect, it } from 'vitest';
import type { CodeProblem } from '../../../gateway/check-in-code.ts';
import { PURPOSES } from '../../../gateway/consent-record.ts';
import { consent, TEN, tokenOf } from '../pipeline/shop.ts';
import { createIssuer, type Issuer, kioskConfig, openKiosk, ticket, withoutNotice } from './kiosk.ts';

let issuer: Issuer;

beforeAll(async () => {
  issuer = await createIssuer();
});

const held = (more: Parameters<typeof openKiosk>[0]['more'] = {}) =>
  openKiosk({ config: kioskConfig(issuer), records: [consent(1)], more });

const NOTICE = { id: 'n1', version: '4', languages: ['fr', 'en'] };

describe('look', () => {
  it('shows what is held of whom the code is, and no key of theirs', async () => {
    const { post } = await held();
    const { status, json, text } = await post('/api/kiosk/look', { code: `aisle:${tokenOf(1)}` });
    expect(status).toBe(200);
    expect(json).toEqual({
      known: true,
      canGrant: true,
      notice: NOTICE,
      held: {
        recordId: 'c1',
        version: 1,
        purposes: ['recognition', 'location'],
        since: '2026-01-01T00:00:00Z',
        validUntil: '2027-01-01T00:00:00Z',
        noticeVersion: '3',
        method: 'app',
      },
    });
    expect(text).not.toContain(tokenOf(1));
  });

  it('knows who comes with a check-in code, and that nothing is held', async () => {
    const { post } = await held();
    const { json } = await post('/api/kiosk/look', { code: await issuer.sign(ticket(2)) });
    expect(json).toEqual({ known: true, held: null, canGrant: true, notice: NOTICE });
  });

  it('says of a token that is nobody’s nothing more than that', async () => {
    const { post } = await held();
    const { status, json } = await post('/api/kiosk/look', { code: tokenOf(9) });
    expect([status, json]).toEqual([200, { known: false, held: null, canGrant: false, notice: NOTICE }]);
  });
});

describe('R7: what grants withdraws too, in as many requests', () => {
  const CHANNELS = [
    ['kiosk', '/api/kiosk/grant', { purposes: ['recognition'] }, '/api/kiosk/withdraw', {}],
    ['app', '/api/app/consent', { choice: 'grant' }, '/api/app/consent', { choice: 'withdraw' }],
  ] as const;

  it.each(CHANNELS)('%s: one request each, the code alone', async (channel, grant, yes, withdraw, no) => {
    const { post, chosen, held } = await openKiosk({ config: kioskConfig(issuer) });
    const code = await issuer.sign(ticket(1));
    const granted = await post(grant, { code, ...yes });
    expect([granted.status, granted.json]).toMatchObject([
      200,
      { done: 'granted', recordId: 'c1', version: 2 },
    ]);
    expect(held('c1')).toMatchObject({ version: 2, noticeVersion: '4', method: channel });
    const withdrawn = await post(withdraw, { code, ...no });
    expect([withdrawn.status, withdrawn.json]).toEqual([
      200,
      { done: 'withdrawn', recordId: 'c1', version: 2, held: null },
    ]);
    expect(held('c1')).toBeUndefined();
    expect(chosen.map((choice) => choice.channel)).toEqual([channel, channel]);
  });

  it('withdrawing asks for nothing that granting does not ask for', async () => {
    const { post } = await held();
    const code = tokenOf(1);
    expect((await post('/api/kiosk/grant', { code })).status).toBe(400);
    expect((await post('/api/kiosk/withdraw', { code })).status).toBe(200);
  });

  it('the app’s own token is enough to withdraw what a list brought', async () => {
    const kiosk = await held();
    await kiosk.post('/api/app/consent', { code: tokenOf(1), choice: 'withdraw' });
    const { json } = await kiosk.post('/api/kiosk/look', { code: tokenOf(1) });
    expect([kiosk.held('c1'), json.known]).toEqual([undefined, false]);
  });

  it('is never told to wait, whoever else asked how often', async () => {
    const { post, held: kept } = await held();
    let status = 0;
    for (let n = 0; n < 130; n += 1) status = (await post('/api/kiosk/look', { code: 'junk' })).status;
    expect(status).toBe(429);
    expect((await post('/api/kiosk/withdraw', { code: tokenOf(1) })).status).toBe(200);
    expect(kept('c1')).toBeUndefined();
  });

  it('shows what is held by all records of a person, and ends them all', async () => {
    const { post, held: kept } = await openKiosk({
      config: kioskConfig(issuer),
      records: [
        consent(1, { purposes: ['recognition'] }),
        consent(2, { subjectRef: 'p1', keys: consent(1).keys, purposes: ['recognition', 'location'] }),
      ],
    });
    const { json } = await post('/api/kiosk/look', { code: tokenOf(1) });
    expect((json.held as { purposes: string[] }).purposes).toEqual(['recognition', 'location']);
    await post('/api/kiosk/withdraw', { code: tokenOf(1) });
    expect([kept('c1'), kept('c2')]).toEqual([undefined, undefined]);
  });

  it('stays possible where nothing can be granted: without a notice, or with recognition off', async () => {
    for (const config of [
      kioskConfig(issuer, withoutNotice),
      kioskConfig(issuer, (one) => ({ ...one, mode: 'anonymous' as const })),
    ]) {
      const { post, held } = await openKiosk({ config, records: [consent(1)] });
      const code = tokenOf(1);
      expect((await post('/api/kiosk/look', { code })).json).toMatchObject({ known: true, canGrant: false });
      const granted = await post('/api/kiosk/grant', { code, purposes: ['recognition'] });
      expect([granted.status, granted.json.error]).toEqual([409, 'not offered']);
      expect((await post('/api/kiosk/withdraw', { code })).status).toBe(200);
      expect(held('c1')).toBeUndefined();
    }
  });
});

describe('grant', () => {
  it.each(PURPOSES)('R5: gives %s only where it was chosen', async (purpose) => {
    const { post, held } = await openKiosk({ config: kioskConfig(issuer) });
    const purposes = [...new Set(['recognition', purpose])];
    await post('/api/kiosk/grant', { code: await issuer.sign(ticket(1)), purposes, language: 'fr' });
    expect(held('c1')).toMatchObject({ purposes, language: 'fr', noticeId: 'n1' });
  });

  it('never adds recognition in silence: without it nothing is granted', async () => {
    const { post, chosen } = await held();
    for (const purposes of [[], ['location']]) {
      const { status, json } = await post('/api/kiosk/grant', { code: tokenOf(1), purposes });
      expect([status, json.error]).toEqual([422, 'recognition is needed']);
    }
    expect(chosen).toEqual([]);
  });

  it('with fewer purposes than before takes the others back', async () => {
    const kiosk = await held();
    const { json } = await kiosk.post('/api/kiosk/grant', { code: tokenOf(1), purposes: ['recognition'] });
    expect(json).toMatchObject({ version: 2, held: { purposes: ['recognition'] } });
  });
});

describe('wrong codes', () => {
  const WRONG: [CodeProblem, number, () => Promise<string>][] = [
    ['not a code', 422, async () => 'hello'],
    ['expired', 422, () => issuer.sign(ticket(1, { expiresAt: new Date(TEN).toISOString() }))],
    ['for another store', 422, () => issuer.sign(ticket(1, { storeId: 's2' }))],
    ['not signed by an issuer', 422, () => createIssuer().then((stranger) => stranger.sign(ticket(1)))],
    ['unknown', 404, async () => tokenOf(9)],
  ];

  it.each(WRONG)('%s: refused with a sentence, and nothing chosen', async (error, wanted, make) => {
    const { post, chosen } = await held();
    const code = await make();
    for (const [path, more] of [
      ['/api/kiosk/grant', { purposes: ['recognition'] }],
      ['/api/kiosk/withdraw', {}],
      ['/api/app/consent', { choice: 'grant' }],
      ['/api/app/consent', { choice: 'withdraw' }],
    ] as const) {
      const { status, json } = await post(path, { code, ...more });
      expect([status, json.error]).toEqual([wanted, error]);
      expect(json.message).toMatch(/^[A-Z].*\.$/);
    }
    expect(chosen).toEqual([]);
  });

  it('R13: no answer repeats code, token or key, whatever was wrong', async () => {
    const { post, mistakes } = await openKiosk({
      config: kioskConfig(issuer),
      records: [consent(1)],
      more: {
        choose: (choice) => {
          throw new Error(`a bug that says ${JSON.stringify(choice)} and ${tokenOf(1)}`);
        },
      },
    });
    const codes = [
      tokenOf(1),
      tokenOf(9),
      await issuer.sign(ticket(1)),
      await issuer.sign(ticket(1, { storeId: 'x' })),
    ];
    const answers: string[] = [];
    for (const code of codes) {
      for (const path of ['/api/kiosk/look', '/api/kiosk/withdraw', '/api/kiosk/grant', '/api/app/consent']) {
        answers.push((await post(path, { code, purposes: ['recognition'], choice: 'withdraw' })).text);
        answers.push((await post(path, `{"code": "${code}", `)).text);
        answers.push((await post(path, { code: [code] })).text);
      }
    }
    const said = [...answers, ...mistakes].join('\n');
    for (const secret of codes.flatMap((code) => [code, ...code.split('.')]))
      expect(said).not.toContain(secret);
    expect(said).toContain('Something went wrong here');
    expect(mistakes[0]).toMatch(/^Error at .*routes/);
  });
});

describe('a request', () => {
  it('that is not of the form is refused: 400, 413 over 16 KiB, 415 for anything but JSON', async () => {
    const { post, url } = await held();
    expect((await post('/api/kiosk/look', {})).status).toBe(400);
    expect((await post('/api/kiosk/look', 'null')).status).toBe(400);
    expect((await post('/api/kiosk/look', '{')).status).toBe(400);
    expect((await post('/api/kiosk/grant', { code: tokenOf(1), purposes: ['everything'] })).status).toBe(400);
    expect((await post('/api/kiosk/look', { code: 'x', more: 'x'.repeat(17_000) })).status).toBe(413);
    const form = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{"code":"x"}' };
    expect((await fetch(`${url}/api/kiosk/look`, form)).status).toBe(415);
  });

  it('R23: with the code in the URL finds nothing', async () => {
    const { url } = await held();
    const found = await fetch(`${url}/api/kiosk/look?code=${tokenOf(1)}`);
    expect(found.status).toBe(404);
  });

  it('is answered once the choice is on disk, not before', async () => {
    let onDisk = () => {};
    const { post } = await held({
      choose: (_, done) => {
        onDisk = () => done({});
      },
    });
    let isAnswered = false;
    const answer = post('/api/kiosk/withdraw', { code: tokenOf(1) });
    answer.then(() => {
      isAnswered = true;
    });
    await post('/api/kiosk/look', { code: tokenOf(1) });
    expect(isAnswered).toBe(false);
    onDisk();
    expect((await answer).status).toBe(200);
  });

  it('while the disk refuses is told so, and nothing enters', async () => {
    const { post, chosen } = await held({ isRefusing: () => true });
    const { status, json } = await post('/api/kiosk/withdraw', { code: tokenOf(1) });
    expect([status, json.error, chosen.length]).toEqual([503, 'disk refuses', 0]);
  });

  it('that the intake turns away, or that the disk keeps waiting, is 503', async () => {
    const away = await held({ choose: (_, __, refuse) => refuse(new Error('too much waits')) });
    expect((await away.post('/api/kiosk/withdraw', { code: tokenOf(1) })).json.error).toBe('disk refuses');
    const slow = await held({ choose: () => {}, patienceMs: 20 });
    const { status, json } = await slow.post('/api/kiosk/withdraw', { code: tokenOf(1) });
    expect([status, json.error]).toEqual([503, 'disk is slow']);
  });

  it('that the pipeline refuses is 409', async () => {
    const { post } = await held({ choose: (_, done) => done({ refused: 'it says why, in its own words' }) });
    const { status, json, text } = await post('/api/kiosk/withdraw', { code: tokenOf(1) });
    expect([status, json.error]).toEqual([409, 'refused']);
    expect(text).not.toContain('own words');
  });

  it('beyond 120 in a minute waits for the next minute', async () => {
    let at = TEN;
    const { post } = await held({ now: () => at });
    const statuses = new Set<number>();
    for (let i = 0; i < 120; i++) statuses.add((await post('/api/kiosk/look', { code: tokenOf(9) })).status);
    expect([...statuses]).toEqual([200]);
    expect((await post('/api/kiosk/look', { code: tokenOf(9) })).status).toBe(429);
    at += 60_000;
    expect((await post('/api/kiosk/look', { code: tokenOf(9) })).status).toBe(200);
  });
});
