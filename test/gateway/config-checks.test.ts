import { expect, it } from 'vitest';
import { type Config, ConfigError, parseConfig } from '../../gateway/config.ts';

function read(yaml: string): Config {
  const head = 'store: {id: s1, gateway: g1, timezone: Europe/Paris}\nmode: off\nmap: {}';
  return parseConfig(`${head}\n${yaml}`, '/shop/aisle.yaml');
}

/** What a person is told, a line for each problem. */
function told(yaml: string): string[] {
  try {
    read(yaml);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => problem.text);
    throw error;
  }
  return [];
}

const VALVE = 'id: valve-1, kind: thermostat-gatt';
const WHOLE = `${VALVE}, model: eq-3, address: "00:1A:22:0A:0B:0C", credentialFile: valve-1.secret`;
const radio = (settings: string) =>
  `inputs: {radio: {${settings}, receiver: box, gateway: {url: "mqtt://127.0.0.1:1883", credentialFile: box.secret}}}`;

it('a GATT thermostat has an address, a model and its own credential, whose file is relative to the configuration', () => {
  const { devices } = read(`devices: [{${WHOLE}}]\n${radio('driver: bluez')}`);
  expect(devices[0]).toMatchObject({
    address: '00:1a:22:0a:0b:0c',
    credentialFile: '/shop/valve-1.secret',
  });
});

it.each([
  ['driver: bluez', []],
  ['driver: noble, gatt: {adapter: hci1}', []],
  ['driver: noble, adapter: "tcp:127.0.0.1:9000", gatt: {}', []],
  ['driver: noble', ['is spoken to by BlueZ: set inputs.radio.driver: bluez, or inputs.radio.gatt.adapter']],
  ['driver: noble, gatt: {adapter: hci0}', ['hci0 is noble’s already']],
  ['driver: noble, gatt: {adapter: hci00}', ['must be hci0, hci1 … or an adapter’s address such as']],
  ['driver: bluez, adapter: "tcp:127.0.0.1:9000"', ['BlueZ has adapters of this machine only']],
  ['driver: bluez, adapter: "00:1b:dc:00:00:01", gatt: {adapter: "DC:A6:32:00:00:02"}', []],
  ['driver: bluez, adapter: hci0, gatt: {adapter: "00:1B:DC:00:00:01"}', []],
  ['driver: noble, adapter: hci0, gatt: {adapter: "00:1B:DC:00:00:01"}', []],
  [
    'driver: noble, adapter: "00:1b:dc:00:00:01", gatt: {adapter: "00:1B:DC:00:00:01"}',
    [
      'noble opens an adapter by its number, not by an address: write hci0, hci1 … (btmgmt info shows which is 00:1B:DC:00:00:01), or set driver: bluez',
    ],
  ],
  [
    'driver: bluez, adapter: "00-1B-DC-00-00-01"',
    ['must be hci0, hci1 …, an adapter’s address such as AA:BB:CC:DD:EE:FF, or tcp:host:port'],
  ],
  [
    'driver: bluez, gatt: {adapter: "tcp:127.0.0.1:9000"}',
    ['must be hci0, hci1 … or an adapter’s address such as'],
  ],
])('a GATT thermostat beside a radio with %s', (settings, sentences) => {
  const problems = told(`devices: [{${WHOLE}}]\n${radio(settings)}`);
  expect(problems).toHaveLength(sentences.length);
  for (const [i, sentence] of sentences.entries()) expect(problems[i]).toContain(sentence.replace('’', "'"));
});

it('an adapter’s address is read in any case, and means the same one', () => {
  const adapters = 'driver: bluez, adapter: "00:1b:dc:0a:0B:0c", gatt: {adapter: "00:1B:dc:0a:0b:0c"}';
  const address = '00:1B:DC:0A:0B:0C';
  expect(read(radio(adapters)).inputs.radio).toMatchObject({ adapter: address, gatt: { adapter: address } });
  expect(read(radio('adapter: "tcp:Host:9000"')).inputs.radio?.adapter).toBe('tcp:Host:9000');
});

it.each([
  [`{${VALVE}, address: "00:1A:22:0A:0B:0C", credentialFile: x}`, 'device "valve-1" needs model'],
  [`{${VALVE}, address: "00:1A:22:0A:0B:0C", model: eq-3}`, 'device "valve-1" needs credentialFile'],
  [`{${VALVE}, model: eq-3, credentialFile: x}`, 'device "valve-1" needs its Bluetooth address'],
  [`{${VALVE}, address: "00:1A:22:0A:0B:0C", model: eq-4, credentialFile: x}`, 'did you mean "eq-3"?'],
  ['{id: b, kind: smart-button, model: eq-3}', 'model is of kind thermostat-gatt'],
])('a device %s is refused with a sentence', (device, sentence) => {
  expect(told(`devices: [${device}]\n${radio('driver: bluez')}`).join('\n')).toContain(sentence);
});

it('a GATT thermostat without a radio on this machine is refused with a sentence', () => {
  expect(told(`devices: [{${WHOLE}}]`).join()).toContain('is spoken to by this machine: add inputs.radio');
});

it('two devices at one address are refused with a sentence', () => {
  const at = 'kind: climate-sensor, address: "a4:c1:38:00:00:01"';
  expect(told(`devices: [{id: c1, ${at}}, {id: c2, ${at}}]`)).toEqual([
    expect.stringContaining('device "c1" has the address of device "c2"'),
  ]);
});

it('InfluxDB has a database, a fortnight of raw points and 400 days of their sums where nothing else is said', () => {
  const { influx } = read('influx: {url: "http://127.0.0.1:8086", userName: g, passwordFile: p}');
  expect(influx).toMatchObject({ database: 'aisle', rawDays: 14, keepDays: 400, passwordFile: '/shop/p' });
});

it.each([
  ['url: "http://127.0.0.1:8086", userName: g', 'userName and passwordFile belong together'],
  ['url: "http://127.0.0.1:8086", passwordFile: p', 'userName and passwordFile belong together'],
  ['url: "http://127.0.0.1:8086", rawDays: 30, keepDays: 7', 'is kept for 7 days, and rawDays are 30'],
  ['url: "http://127.0.0.1:8086/write?db=x"', 'must be scheme, host and port alone'],
  ['url: "http://me:secret@127.0.0.1:8086"', 'must be scheme, host and port alone'],
  ['url: "127.0.0.1:8086"', 'must be an http:// or https:// URL'],
  ['url: "http://127.0.0.1:8086", database: "a b"', 'must be 1 to 64 of A-Z a-z 0-9 _'],
])('InfluxDB as {%s} is refused with a sentence', (settings, sentence) => {
  const problems = told(`influx: {${settings}}`).join('\n');
  expect(problems).toContain(sentence);
  expect(problems).not.toContain('secret');
});
