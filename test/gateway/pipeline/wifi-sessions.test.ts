import { describe, expect, it } from 'vitest';
import { createWifiSessions } from '../../../gateway/pipeline/wifi-sessions.ts';

const MINUTE = 60_000;
const everybody = () => true;
const PHONE = '02:10:a4:23:19:c0';
const signIn = { kind: 'wifi', session: 'start', user: 'anna', address: PHONE } as const;
const alive = { ...signIn, session: 'alive' } as const;
const stop = { ...signIn, session: 'stop' } as const;
const connected = { kind: 'wifi', session: 'start', address: PHONE } as const;
const WHO = { kind: 'wifi', user: 'anna', address: PHONE };
const ONLY_ADDRESS = { kind: 'wifi', address: PHONE };

describe('an open session', () => {
  it('says whose an address is, at any access point', () => {
    const sessions = createWifiSessions(everybody);
    expect(sessions.hear('ap-1', connected, 0)).toEqual(ONLY_ADDRESS);
    expect(sessions.hear('ap-1', signIn, 0)).toEqual(WHO);
    expect(sessions.hear('ap-2', connected, MINUTE)).toEqual(WHO);
  });

  it('R3: of somebody who did not agree is not remembered', () => {
    const sessions = createWifiSessions((user) => user === 'bert');
    sessions.hear('ap-1', signIn, 0);
    expect(sessions.hear('ap-2', connected, MINUTE)).toEqual(ONLY_ADDRESS);
    sessions.hear('ap-1', { ...signIn, user: 'bert' }, MINUTE);
    expect(sessions.hear('ap-2', connected, MINUTE)).toEqual({ ...WHO, user: 'bert' });
  });

  it('is over with Stop, which is nobody’s presence', () => {
    const sessions = createWifiSessions(everybody);
    sessions.hear('ap-1', signIn, 0);
    expect(sessions.hear('ap-1', stop, MINUTE)).toBeUndefined();
    expect(sessions.hear('ap-1', connected, MINUTE)).toEqual(ONLY_ADDRESS);
  });

  it('is over when its access point begins anew', () => {
    const sessions = createWifiSessions(everybody);
    sessions.hear('ap-1', signIn, 0);
    expect(sessions.hear('ap-1', { kind: 'wifi', session: 'stop' }, MINUTE)).toBeUndefined();
    expect(sessions.hear('ap-1', connected, MINUTE)).toEqual(ONLY_ADDRESS);
  });

  it('outlives what another access point ends, or hostapd', () => {
    const sessions = createWifiSessions(everybody);
    sessions.hear('ap-1', signIn, 0);
    sessions.hear('ap-2', stop, MINUTE);
    sessions.hear('ap-2', { kind: 'wifi', session: 'stop' }, MINUTE);
    sessions.hear('ap-1', { kind: 'wifi', session: 'stop', address: PHONE }, MINUTE);
    expect(sessions.hear('ap-1', connected, MINUTE)).toEqual(WHO);
  });

  it('is over after 15 minutes without an interim update, by the clock alone', () => {
    const sessions = createWifiSessions(everybody);
    sessions.hear('ap-1', signIn, 0);
    sessions.hear('ap-1', alive, 10 * MINUTE);
    // That a station comes back says nothing of who is signed in.
    expect(sessions.hear('ap-1', connected, 25 * MINUTE)).toEqual(WHO);
    sessions.forget(25 * MINUTE + 1);
    expect(sessions.hear('ap-1', connected, 25 * MINUTE)).toEqual(ONLY_ADDRESS);
  });

  it('is the last one’s that signed in at that address', () => {
    const sessions = createWifiSessions(everybody);
    sessions.hear('ap-1', signIn, 0);
    sessions.hear('ap-1', { ...signIn, user: 'bert' }, 1);
    sessions.hear('ap-1', stop, 2);
    expect(sessions.hear('ap-1', connected, 3)).toEqual({ ...WHO, user: 'bert' });
  });

  it('is one of ten thousand at most: the longest silent goes', () => {
    const sessions = createWifiSessions(everybody);
    sessions.hear('ap-1', signIn, 0);
    for (let n = 0; n < 10_000; n += 1) {
      const address = `0a:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`;
      sessions.hear('ap-1', { ...signIn, user: `u${n}`, address }, 1);
    }
    expect(sessions.hear('ap-1', connected, 2)).toEqual(ONLY_ADDRESS);
  });
});
