import {
  AISLE_TOKENS,
  rollingTokenBlock,
  rollingTokenKey,
  type TokenScheme,
  tokenInterval,
} from '../../devices/wire/rolling-token.ts';
import type { Ahead } from './ahead.ts';
import { isGood, type Validity, validityOf } from './key-day.ts';
import { type KeyTable, ownerIndex, type Recogniser } from './recogniser.ts';
import { createRota } from './rota.ts';
import { clearWindow, IDS_PER_ROLL, moveWindow, type SlotIds, type SlotWindow } from './slot-window.ts';

/** One day's key of one person. */
interface DayKey extends SlotWindow {
  tokenKey: Uint8Array;
  validity: Validity;
}

const TOKEN_LENGTH = 16;

/**
 * The app's rolling token, built as Exposure Notification's identifiers are: for whoever has the app on its
 * screen. The gateway holds keys for the day alone, and drops one with the day (R14): a stolen gateway tells
 * about one day, and a withdrawal counts because tomorrow's key is not sent.
 */
export function rollingTokens({
  scheme = AISLE_TOKENS,
  ahead,
}: {
  scheme?: TokenScheme;
  ahead?: Ahead | undefined;
} = {}): Recogniser {
  return {
    keys: 'rolling-token',
    sees: 'rolling-token',
    method: 'rolling-token',
    confidence: 1,
    createTable: () => tokenTable(scheme, ahead),
  };
}

function tokenTable(scheme: TokenScheme, ahead: Ahead | undefined): KeyTable {
  const index = ownerIndex();
  const held = new Map<string, DayKey[]>();
  const rota = createRota<DayKey>();
  const ids: SlotIds<DayKey> = {
    recipe: ({ tokenKey }, interval) => ({ key: tokenKey, block: rollingTokenBlock(interval, scheme) }),
    length: TOKEN_LENGTH,
    ahead,
  };

  function roll(key: DayKey, at: number): number {
    if (at >= key.validity.until) return forget(key);
    const interval = tokenInterval(at / 1000);
    if (interval === key.slot || !isGood(key.validity, at)) return 0;
    return Math.max(1, moveWindow(key, interval, index, ids));
  }

  function forget(key: DayKey): number {
    const { recordId } = key.owner;
    clearWindow(key, index);
    rota.delete(key);
    const left = held.get(recordId)?.filter((other) => other !== key) ?? [];
    if (left.length > 0) held.set(recordId, left);
    else held.delete(recordId);
    return 1;
  }

  function isGoodFor(recordId: string, token: string, at: number): boolean {
    const mine = held.get(recordId) ?? [];
    return mine.some((key) => isGood(key.validity, at) && key.ids.includes(token));
  }

  return {
    put(owner, key, at) {
      if (key.kind !== 'rolling-token') return;
      const validity = validityOf(key.day);
      // R14: the key of a day that is over, or that there is not, is not held at all.
      if (!(at < validity.until)) return;
      const tokenKey = rollingTokenKey(Buffer.from(key.key, 'hex'), scheme);
      const day: DayKey = { owner, tokenKey, validity, slot: Number.NaN, ids: [] };
      held.set(owner.recordId, [...(held.get(owner.recordId) ?? []), day]);
      rota.add(day);
      roll(day, at);
    },
    remove(recordId) {
      for (const key of held.get(recordId) ?? []) forget(key);
    },
    roll(at) {
      rota.turn(IDS_PER_ROLL, (key) => roll(key, at));
    },
    find(seen, at) {
      if (seen.kind !== 'rolling-token') return [];
      return index.find(seen.token).filter(({ recordId }) => isGoodFor(recordId, seen.token, at));
    },
    size: () => index.size() + held.size + rota.size(),
  };
}
