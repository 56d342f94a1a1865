import { expect, it } from 'vitest';
import type { BluezSignal, BusSession, Properties } from '../../../gateway/radio/bluez/bus.ts';
import { watchLink } from '../../../gateway/radio/bluez/link-watch.ts';

const PATH = '/org/bluez/hci0/dev_00_1A_22_00_00_01';

/** A watch, and bluetoothd's signals about the device's own properties. */
function watched() {
  let tell: (signal: BluezSignal) => void = () => {};
  const session: Pick<BusSession, 'onObject'> = {
    onObject(_, listener) {
      tell = listener;
      return () => {};
    },
  };
  const watch = watchLink(session as BusSession, PATH);
  const say = (changed: Properties) =>
    tell({ kind: 'changed', path: PATH, interface: 'org.bluez.Device1', changed, invalidated: [] });
  return { watch, say };
}

it('a link that was up before and is lost before the reply is read is known to be lost', async () => {
  const { watch, say } = watched();
  say({ Connected: false });
  watch.know({ Connected: true, ServicesResolved: true });
  await expect(watch.resolved).rejects.toThrow('lost before its services were known');
  expect(watch.isUp()).toBe(false);
});

it('a link that was up before, with its services, is up', async () => {
  const { watch } = watched();
  watch.know({ Connected: true, ServicesResolved: true });
  await watch.resolved;
  expect(watch.isUp()).toBe(true);
});

it('what is signalled late of the link before is not taken for this one', async () => {
  const { watch, say } = watched();
  say({ ServicesResolved: false, Connected: false });
  say({ Connected: true });
  watch.know({ Connected: true, ServicesResolved: false });
  say({ ServicesResolved: true });
  await watch.resolved;
  expect(watch.isUp()).toBe(true);
});
