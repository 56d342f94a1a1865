import type { ConsentKey } from '../consent-record.ts';
import { type Owner, ownerIndex } from './recogniser.ts';

/** Who holds which key: one that two subjects hold recognises nobody, and somebody has to be told. */
export interface KeyHolders {
  /** Returns the records of other subjects that hold one of these keys. */
  put(owner: Owner, keys: readonly ConsentKey[]): string[];
  remove(recordId: string): void;
}

export function createKeyHolders(): KeyHolders {
  const index = ownerIndex();
  const held = new Map<string, string[]>();
  return {
    put(owner, keys) {
      const texts = keys.map(secretOf);
      held.set(owner.recordId, texts);
      for (const text of texts) index.add(text, owner);
      const holders = texts.flatMap((text) => index.find(text));
      const others = holders.filter(({ subjectRef }) => subjectRef !== owner.subjectRef);
      return [...new Set(others.map(({ recordId }) => recordId))];
    },
    remove(recordId) {
      for (const text of held.get(recordId) ?? []) index.drop(text, recordId);
      held.delete(recordId);
    },
  };
}

/** What makes two keys the same, whatever clock or day they are for. */
function secretOf(key: ConsentKey): string {
  switch (key.kind) {
    case 'app':
      return `app ${key.token}`;
    case 'eid':
      return `eid ${key.identityKey}`;
    case 'rolling-token':
      return `rolling-token ${key.key}`;
    case 'ibeacon':
      return `ibeacon ${key.uuid}/${key.major}/${key.minor}`;
    case 'wifi':
      return `wifi ${key.user ?? ''}/${key.address ?? ''}`;
    case 'irk':
      return `irk ${key.irk}`;
  }
}
