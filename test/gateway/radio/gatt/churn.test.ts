import { expect, it, onTestFinished } from 'vitest';
import { openBus } from '../../../../gateway/radio/bluez/bus.ts';
import { gattCycles, type Held } from '../../../support/gatt-cycles.ts';
import { hasDbus, startMockBluez } from '../../../support/mock-bluez.ts';

const ADDRESS = '00:1A:22:00:00:01';

/** The long form, with the heap: test/bench/gatt-churn.ts. */
it.skipIf(!hasDbus)(
  'connecting, reading and letting go leave no listener and no match rule behind',
  async () => {
    const mock = await startMockBluez({ temporaryMs: 0, connectMs: 1 });
    onTestFinished(() => mock.stop());
    const bus = openBus({ log: { info() {}, warn() {}, error() {} }, address: mock.bus });
    onTestFinished(() => bus.close());
    await mock.order({ order: 'peripheral', address: ADDRESS, model: 'eq-3', everyMs: 20 });
    await new Promise<void>((resolve) => void bus.follow({ onSession: () => resolve(), onNone() {} }));
    const looks: Omit<Held, 'cycles' | 'heapMiB'>[] = [];
    await gattCycles(
      { mock, bus, address: ADDRESS },
      { cycles: 50, lookEvery: 10, dropEvery: 5 },
      ({ cycles: _, heapMiB: __, ...held }) => looks.push(held),
    );
    expect(looks).toHaveLength(5);
    for (const held of looks) expect(held).toEqual(looks[0]);
  },
);
