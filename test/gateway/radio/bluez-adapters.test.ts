import { expect, it } from 'vitest';
import { adapterList } from '../../../gateway/radio/bluez/adapters.ts';
import { readWantedAdapter, wantedName } from '../../../gateway/radio/bluez/wanted-adapter.ts';

const ADAPTER = 'org.bluez.Adapter1';
const HCI0 = '/org/bluez/hci0';
const HCI1 = '/org/bluez/hci1';
const of = (Address: string) => ({ [ADAPTER]: { Address, Powered: true } });
const names = (list: ReturnType<typeof adapterList>) =>
  list.list().map(({ name, address }) => `${name} ${address}`);

it('the adapters are those that bluetoothd had when it was asked, but for what it signalled meanwhile', () => {
  const list = adapterList();
  list.hear({ kind: 'removed', path: HCI0, interfaces: [ADAPTER] });
  list.hear({ kind: 'added', path: HCI1, interfaces: of('00:1B:DC:00:00:01') });
  list.know({ [HCI0]: of('00:1B:DC:00:00:01'), [HCI1]: of('00:1B:DC:00:00:02'), '/org/bluez': {} });
  expect(names(list)).toEqual(['hci1 00:1B:DC:00:00:01']);
});

it('an adapter comes and goes with its own interface alone, and is another one each time', () => {
  const list = adapterList();
  let changes = 0;
  const stop = list.onChange(() => {
    changes += 1;
  });
  list.know({ [HCI0]: of('00:1B:DC:00:00:01') });
  const [first] = list.list();
  list.hear({ kind: 'added', path: HCI0, interfaces: { 'org.bluez.GattManager1': {} } });
  list.hear({ kind: 'removed', path: HCI0, interfaces: ['org.bluez.Media1'] });
  list.hear({
    kind: 'added',
    path: `${HCI0}/dev_00_1A_22_00_00_01`,
    interfaces: { 'org.bluez.Device1': {} },
  });
  expect(changes).toBe(1);
  expect(list.list()).toEqual([first]);
  list.hear({ kind: 'removed', path: HCI0, interfaces: [ADAPTER] });
  list.hear({ kind: 'added', path: HCI0, interfaces: of('00:1B:DC:00:00:01') });
  expect(changes).toBe(3);
  expect(list.list()).toEqual([first]);
  expect(list.list()[0]).not.toBe(first);
  stop();
  list.hear({ kind: 'removed', path: HCI0, interfaces: [ADAPTER] });
  expect(changes).toBe(3);
});

it.each([
  ['hci1', { kind: 'local', index: 1 }, 'hci1'],
  ['aa:bb:cc:dd:ee:0f', { kind: 'address', address: 'AA:BB:CC:DD:EE:0F' }, 'AA:BB:CC:DD:EE:0F'],
] as const)('BlueZ’s adapter is read from %s', (text, wanted, name) => {
  expect(readWantedAdapter(text)).toEqual(wanted);
  expect(wantedName(readWantedAdapter(text))).toBe(name);
});

it.each(['tcp:127.0.0.1:9000', 'AA:BB:CC:DD:EE', 'AA-BB-CC-DD-EE-FF', 'AA:BB:CC:DD:EE:FG'])(
  'BlueZ’s adapter is not %s',
  (text) => {
    expect(() => readWantedAdapter(text)).toThrow('inputs.radio.adapter');
  },
);
