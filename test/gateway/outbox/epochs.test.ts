import { describe, expect, it } from 'vitest';
import { beginEpoch, ensureEpoch, readEpochs } from '../../../gateway/outbox/epochs.ts';
import { EPOCH, press, testStore } from './event-store.ts';

describe('an epoch', () => {
  it('begins its sequence at 1, while positions go on', () => {
    const { db, store } = testStore();
    store([press(1), press(2)]);
    beginEpoch(db, 'ffffffff');
    const epochs = readEpochs(db);
    expect(epochs.current()).toBe('ffffffff');
    expect([1, 2, 3, 4].map(epochs.at)).toEqual([
      { epoch: EPOCH, sequence: 1 },
      { epoch: EPOCH, sequence: 2 },
      { epoch: 'ffffffff', sequence: 1 },
      { epoch: 'ffffffff', sequence: 2 },
    ]);
    expect(epochs.idAt(3)).toBe('ffffffff-00000000000000000001');
    expect([...epochs.split([1, 3, 4])]).toEqual([
      [EPOCH, [1]],
      ['ffffffff', [1, 2]],
    ]);
  });

  it('that never had an event is forgotten', () => {
    const { db } = testStore();
    beginEpoch(db, 'ffffffff');
    expect(db.prepare('SELECT first, epoch FROM epochs').all()).toEqual([{ first: 1, epoch: 'ffffffff' }]);
  });

  it('stays over a start', () => {
    const { db } = testStore();
    ensureEpoch(db, () => 'ffffffff');
    expect(readEpochs(db).current()).toBe(EPOCH);
  });
});
