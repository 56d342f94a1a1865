import { blockCipher } from '../../devices/wire/aes-block.ts';
import { EID_LENGTH } from '../../devices/wire/eid.ts';
import type { ConsentKey } from '../consent-record.ts';
import { createTag, type EidKey, recipe, slotAt } from './eid-tag.ts';
import { SLOTS_AROUND } from './slot-window.ts';

/** The ids of a tag around one slot, worked out by who read the list: a memo, right or left aside. */
export interface PreparedWindow {
  slot: number;
  /** Hex, of the slot before, this one and the one after; none of a slot before 0. */
  ids: (string | undefined)[];
}

/** By the key itself, as it stands in the record. */
export type PreparedIds = ReadonlyMap<ConsentKey, PreparedWindow>;

/** What the table would compute for a key that comes with a list, so that the gateway's loop need not. */
export function prepareIds(key: EidKey, at: number): PreparedWindow {
  const tag = createTag({ recordId: '', subjectRef: '' }, key, at, key.offset);
  const slot = slotAt(tag, at);
  const ids: (string | undefined)[] = [];
  // The three mostly share a temporary key: to make its cipher costs more than to use it.
  let cipher: { key: Uint8Array; encrypt: (block: Uint8Array) => Uint8Array } | undefined;
  for (let number = slot - SLOTS_AROUND; number <= slot + SLOTS_AROUND; number++) {
    if (number < 0) {
      ids.push(undefined);
      continue;
    }
    const { key: temporary, block } = recipe(tag, number);
    if (cipher?.key !== temporary) cipher = { key: temporary, encrypt: blockCipher(temporary) };
    ids.push(Buffer.from(cipher.encrypt(block)).toString('hex', 0, EID_LENGTH));
  }
  return { slot, ids };
}
