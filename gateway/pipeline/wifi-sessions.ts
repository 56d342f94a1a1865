import { createHmac, randomBytes } from 'node:crypto';
import type { Reading, SeenKey } from '../../devices/device.ts';

/** A session whose access point says nothing more of it is over after so long, ms. */
const SILENCE = 900_000;
/** Sessions at one time; beyond, the one silent for longest goes. */
const MAX_SESSIONS = 10_000;

/**
 * Who is signed in at which address, while the session is open. An access point's lines name addresses
 * alone; who signed in says whose they are. In memory only: an address as an HMAC under a key that this
 * process drew for itself, and the user's name, until Stop, Off or silence.
 */
export interface WifiSessions {
  /** What could be somebody's key; nothing where nobody was seen. */
  hear(device: string, reading: WifiReading, at: number): WifiKey | undefined;
  /** Forgets what has been silent for too long. */
  forget(at: number): void;
}

type WifiReading = Extract<Reading, { kind: 'wifi' }>;
type WifiKey = Extract<SeenKey, { kind: 'wifi' }>;

interface Session {
  device: string;
  user: string;
  /** When accounting last spoke of it, ms. */
  at: number;
}

/**
 * `isHeld` tells whether a consent in force holds this user name: of nobody else a session is remembered.
 * `key` may be drawn here: no outcome depends on it.
 */
export function createWifiSessions(
  isHeld: (user: string, at: number) => boolean,
  key: Uint8Array = randomBytes(32),
): WifiSessions {
  /** In the order of their last word. */
  const open = new Map<string, Session>();
  const tagOf = (address: string) => createHmac('sha256', key).update(address).digest('base64');

  function forget(at: number): void {
    for (const [tag, session] of open) {
      if (at - session.at <= SILENCE && open.size <= MAX_SESSIONS) return;
      open.delete(tag);
    }
  }

  /** Accounting ends a session by its user; without one and without an address, the access point went. */
  function end(device: string, { user, address }: WifiReading): void {
    // An access point that a station left may have been left for another: hostapd's word ends nothing.
    if (user === undefined && address !== undefined) return;
    for (const [tag, session] of open) {
      if (session.device !== device || (user !== undefined && session.user !== user)) continue;
      if (address === undefined || tag === tagOf(address)) open.delete(tag);
    }
  }

  return {
    hear(device, reading, at) {
      forget(at);
      const { session, user, address } = reading;
      if (session === 'stop') {
        end(device, reading);
        return undefined;
      }
      const tag = address === undefined ? undefined : tagOf(address);
      if (tag !== undefined && user !== undefined) {
        open.delete(tag);
        if (isHeld(user, at)) open.set(tag, { device, user, at });
        forget(at);
      }
      const known = user ?? (tag === undefined ? undefined : open.get(tag)?.user);
      return {
        kind: 'wifi',
        ...(known !== undefined && { user: known }),
        ...(address !== undefined && { address }),
      };
    },
    forget,
  };
}
