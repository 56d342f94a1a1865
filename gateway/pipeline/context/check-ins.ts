import type { Reading, SeenKey } from '../../../devices/device.ts';
import type { CodeProblem, CodeReader } from '../../check-in-code.ts';
import type { Purpose } from '../../consent-record.ts';
import type { Holder } from '../../consents.ts';
import type { ShopDevice } from '../decode.ts';
import type { Choice } from '../signal.ts';

/** A code waits so long for a press in its zone, ms. In memory only. */
const WAITS = 30_000;

/** What a poster or a button that says "I agree" asks for; beyond it the kiosk and the app offer each purpose. */
export const GRANTED_AT_ONCE: readonly Purpose[] = ['recognition', 'location'];

/** By a button's intent. */
const ACTS = new Map([
  ['consent-grant', 'grant'],
  ['consent-withdraw', 'withdraw'],
] as const);
type Act = 'grant' | 'withdraw';

/** What a shown code brings about. */
export interface Understood {
  /** Somebody in force was here: a sighting at the reader. */
  seen?: Extract<SeenKey, { kind: 'check-in' }>;
  choice?: Choice;
  /** Why it was nobody's; never the code (R13). */
  problem?: CodeProblem;
}

/**
 * Codes shown to a reader. To show one and then to choose takes the same two acts either way, by a button
 * in the reader's zone, or one by a reader that is for one choice: withdrawing is as easy as agreeing
 * (R7, GDPR 7(3)).
 */
export interface CheckIns {
  scanned(device: ShopDevice, reading: Extract<Reading, { kind: 'check-in' }>, at: number): Understood;
  /** The choice that a press makes for the last code shown in its zone, which is used up by it. */
  pressed(device: ShopDevice, intent: string | undefined, at: number): Choice | undefined;
  /** Forgets codes that nobody pressed a button for. */
  tick(at: number): void;
}

export function createCheckIns(parts: {
  read: CodeReader;
  /** What this person granted until now. */
  held: (recordId: string) => { purposes: readonly Purpose[] } | undefined;
}): CheckIns {
  const lastIn = new Map<string, { holder: Holder; at: number }>();

  function choiceOf(channel: Choice['channel'], act: Act, holder: Holder): Choice {
    if (act === 'withdraw') return { channel, holder, choice: 'withdraw' };
    return { channel, holder, choice: { purposes: grantedAtOnce(parts.held(holder.recordId)?.purposes) } };
  }

  return {
    scanned(device, { code, choice }, at) {
      const shown = parts.read(code, at);
      // Whoever showed the code before is not who presses now, even where this one is nobody's.
      if (device.zone !== undefined) lastIn.delete(device.zone);
      if ('problem' in shown) return { problem: shown.problem };
      const { holder, token } = shown;
      if (choice) return { choice: choiceOf('check-in', choice, holder) };
      if (device.zone !== undefined) lastIn.set(device.zone, { holder, at });
      return token === undefined ? {} : { seen: { kind: 'check-in', token } };
    },
    pressed(device, intent, at) {
      const act = ACTS.get(intent as 'consent-grant' | 'consent-withdraw');
      if (!act || device.zone === undefined) return undefined;
      const shown = lastIn.get(device.zone);
      lastIn.delete(device.zone);
      if (!shown || at - shown.at > WAITS) return undefined;
      return choiceOf('button', act, shown.holder);
    },
    tick(at) {
      for (const [zone, shown] of lastIn) if (at - shown.at > WAITS) lastIn.delete(zone);
    },
  };
}

/** To agree once more takes nothing away from what was agreed to before. */
export function grantedAtOnce(held: readonly Purpose[] = []): Purpose[] {
  return [...new Set([...GRANTED_AT_ONCE, ...held])];
}
