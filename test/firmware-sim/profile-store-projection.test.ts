import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CloudEvent } from '../../firmware-sim/profile-store/cloud-event.ts';
import { type Profile, project } from '../../firmware-sim/profile-store/projection.ts';
import { at, client, event, open } from './profile-store-client.ts';

const consent = { recordId: 'r1', version: 1, noticeVersion: '1', purposes: ['recognition', 'location'] };
const personal = { subject: { ref: 'p1' }, consent };
const visit = { ...personal, visitId: 'v1' };

/** A visit of four minutes through two zones, an offer and a linked press. */
const walk = [
  event(1, 'visit.started', { ...visit, method: 'eid', confidence: 1 }, { s: 0 }),
  event(2, 'zone.entered', { ...visit, zoneId: 'shoes', enteredAt: at(0), confidence: 0.9 }, { s: 2 }),
  event(3, 'zone.dwelled', { ...visit, zoneId: 'shoes', dwellS: 30, thresholdS: 30 }, { s: 30 }),
  event(
    4,
    'button.pressed',
    { ...visit, deviceId: 'b1', zoneId: 'shoes', button: 1, press: 'press' },
    { s: 40 },
  ),
  event(5, 'zone.exited', { ...visit, zoneId: 'shoes', enteredAt: at(0), dwellS: 60 }, { s: 65 }),
  event(6, 'zone.entered', { ...visit, zoneId: 'bags', enteredAt: at(60) }, { s: 65 }),
  event(7, 'offer.delivered', { ...personal, decisionId: 'd1', channel: 'app' }, { s: 70 }),
  event(8, 'zone.exited', { ...visit, zoneId: 'bags', enteredAt: at(60), dwellS: 180 }, { s: 300 }),
  event(
    9,
    'visit.ended',
    { ...visit, startedAt: at(0), endedAt: at(240), durationS: 240, zones: [], reason: 'absent' },
    { s: 300 },
  ),
] as CloudEvent[];

const walked: Profile = {
  ref: 'p1',
  visits: [
    {
      visitId: 'v1',
      startedAt: at(0),
      endedAt: at(240),
      reason: 'absent',
      zones: [
        { zoneId: 'shoes', enteredAt: at(0), exitedAt: at(60), dwellS: 60 },
        { zoneId: 'bags', enteredAt: at(60), exitedAt: at(240), dwellS: 180 },
      ],
    },
  ],
  offers: [{ decisionId: 'd1', state: 'delivered', channel: 'app', at: at(70) }],
  presses: [{ deviceId: 'b1', press: 'press', button: 1, visitId: 'v1', at: at(40) }],
};

async function profileAfter(...batches: readonly (readonly object[])[]) {
  const { send, get } = client((await open()).url);
  for (const batch of batches) expect((await send(batch)).body.rejected).toEqual([]);
  return (await get<Profile>('/profiles/p1')).body;
}

it('tells a visit from its events', async () => {
  expect(await profileAfter(walk)).toEqual(walked);
});

it('tells the same visit when the live lane overtook the backlog', async () => {
  expect(await profileAfter(walk.slice(5), walk.slice(0, 5))).toEqual(walked);
});

it('tells the same visit whatever the order of arrival and whatever came twice', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(walk, { minLength: walk.length }), (events) => {
      expect(project('p1', events)).toEqual(walked);
    }),
    { seed: 7, numRuns: 200 },
  );
});

it('says where a shopper is while the visit goes on', () => {
  expect(project('p1', walk.slice(0, 3))?.visits).toEqual([
    {
      visitId: 'v1',
      startedAt: at(0),
      zone: 'shoes',
      zones: [{ zoneId: 'shoes', enteredAt: at(0), dwellS: 30 }],
    },
  ]);
  expect(project('p1', walk.slice(0, 5))?.visits[0]).not.toHaveProperty('zone');
  expect(project('p1', walk.slice(0, 6))?.visits[0]?.zone).toBe('bags');
});

it('tells what it can of a visit whose first events were removed', () => {
  expect(project('p1', walk.slice(7))?.visits).toEqual([
    {
      visitId: 'v1',
      startedAt: at(0),
      endedAt: at(240),
      reason: 'absent',
      zones: [{ zoneId: 'bags', enteredAt: at(60), exitedAt: at(240), dwellS: 180 }],
    },
  ]);
});

it('ends a visit by a withdrawal, which names no subject', async () => {
  const ended = { visitId: 'v1', startedAt: at(0), endedAt: at(50), durationS: 50, reason: 'withdrawn' };
  const profile = await profileAfter(
    [
      event(6, 'consent.withdrawn', { recordId: 'r1', version: 2, effectiveAt: at(50) }, { s: 50 }),
      event(7, 'visit.ended', ended, { s: 50 }),
      event(8, 'subject.erased', { recordIds: ['r0', 'r1'], erasedAt: at(90) }, { s: 90 }),
    ],
    walk.slice(0, 2),
  );
  expect(profile.visits).toMatchObject([{ visitId: 'v1', endedAt: at(50), reason: 'withdrawn' }]);
  expect(profile.visits[0]).not.toHaveProperty('zone');
  expect(profile.consents).toEqual([
    { recordId: 'r1', change: 'withdrawn', at: at(50) },
    { recordId: 'r0', change: 'erased', at: at(90) },
    { recordId: 'r1', change: 'erased', at: at(90) },
  ]);
});

it("leaves other people's withdrawals and visits out of a profile", async () => {
  const profile = await profileAfter([
    ...walk.slice(0, 2),
    event(3, 'consent.withdrawn', { recordId: 'r2', effectiveAt: at(9) }),
    event(4, 'visit.ended', { visitId: 'v2', reason: 'withdrawn', startedAt: at(1), endedAt: at(9) }),
    event(5, 'subject.erased', { recordIds: ['r2'], erasedAt: at(9) }),
    event(6, 'visit.started', { ...visit, visitId: 'v3', subject: { ref: 'p2' } }),
  ]);
  expect(profile.visits.map(({ visitId }) => visitId)).toEqual(['v1']);
  expect(profile).not.toHaveProperty('consents');
});

it('lets a later epoch speak last, whatever its random name', () => {
  const last = { startedAt: at(0), endedAt: at(500), reason: 'exit' };
  for (const epoch of ['00000000', 'ffffffff']) {
    const later = event(1, 'visit.ended', { ...visit, ...last }, { s: 500, epoch }) as CloudEvent;
    expect(project('p1', [later, ...walk])?.visits[0]).toMatchObject({ endedAt: at(500), reason: 'exit' });
  }
});

it('takes an amendment of an ended visit', () => {
  const amended = event(10, 'visit.amended', { ...visit, endedAt: at(260) }, { s: 900 }) as CloudEvent;
  expect(project('p1', [amended, ...walk])?.visits[0]).toMatchObject({ endedAt: at(260), reason: 'absent' });
});

it('lists the profiles and knows no stranger', async () => {
  const { send, get } = client((await open()).url);
  const ref = 'loyalty/4711 ü';
  await send([...walk, event(20, 'visit.started', { visitId: 'v9', subject: { ref }, consent })]);
  expect((await get<{ profiles: object[] }>('/profiles')).body.profiles).toEqual([
    { ref, visits: 1, events: 1 },
    { ref: 'p1', visits: 1, events: 9 },
  ]);
  expect((await get<Profile>(`/profiles/${encodeURIComponent(ref)}`)).body.ref).toBe(ref);
  expect((await get('/profiles/p3')).status).toBe(404);
});

it('leaves a dwell that no calendar holds out of the time of exit', () => {
  const exit = { ...visit, zoneId: 'shoes', enteredAt: at(0), dwellS: 1e300 };
  const profile = project('p1', [event(1, 'zone.exited', exit, { s: 5 }) as CloudEvent]);
  expect(profile?.visits[0]?.zones[0]?.exitedAt).toBe(at(5));
});
