import { dialectByName } from '../devices/dialects/index.ts';
import { overlap } from './access/topics.ts';
import type { Config } from './config.ts';
import { isLoopback } from './host-port.ts';
import { adapterAddress } from './radio/adapter.ts';

/** Tells a problem of the value at `path`. */
type Tell = (path: (string | number)[], text: string) => void;

/** What no single field can know: ids that others refer to, and what must be there together. */
export function crossCheck(config: Config, problem: Tell): void {
  const zones = new Set(config.map.zones.map((zone) => zone.id));
  const devices = new Map(config.devices.map((device) => [device.id, device]));
  const needZone = (zone: string | undefined, path: (string | number)[]) => {
    if (zone !== undefined && !zones.has(zone)) problem(path, `zone "${zone}" is not in map.zones`);
  };
  unique(config.map.zones, ['map', 'zones'], problem);
  unique(config.map.receivers, ['map', 'receivers'], problem);
  unique(config.map.beacons, ['map', 'beacons'], problem);
  unique(config.devices, ['devices'], problem);
  for (const [i, receiver] of config.map.receivers.entries()) {
    needZone(receiver.zone, ['map', 'receivers', i, 'zone']);
  }
  for (const [i, beacon] of config.map.beacons.entries()) {
    needZone(beacon.zone, ['map', 'beacons', i, 'zone']);
    if (!beacon.zone && !beacon.position) {
      problem(['map', 'beacons', i], `beacon "${beacon.id}" needs a zone or a position`);
    }
  }
  for (const [i, fixture] of config.map.fixtures.entries()) {
    needZone(fixture.zone, ['map', 'fixtures', i, 'zone']);
    if (!devices.has(fixture.device)) {
      problem(['map', 'fixtures', i, 'device'], `device "${fixture.device}" is not in devices`);
    }
  }
  for (const [i, device] of config.devices.entries()) {
    needZone(device.zone, ['devices', i, 'zone']);
    if (device.keyFile && !device.address) {
      problem(['devices', i, 'keyFile'], `device "${device.id}" has a bind key but no address`);
    }
    checkAddress(config.devices, i, problem);
    checkBridge(config.devices, i, problem);
    checkGatt(config, i, problem);
  }
  checkRadio(config, problem);
  checkInflux(config, problem);
  const { listen, tls, plaintext } = config.inputs.mqtt;
  if (!tls && !plaintext && !isLoopback(listen)) {
    problem(
      ['inputs', 'mqtt', 'listen'],
      `${listen} is open to other machines without TLS: set inputs.mqtt.tls {cert, key}, or plaintext: true where the network is trusted`,
    );
  }
}

/** What is heard from an address is one device's. */
function checkAddress(devices: Config['devices'], i: number, problem: Tell): void {
  const { id: device, address } = devices[i] as Config['devices'][number];
  const twin = devices.slice(0, i).find((other) => address !== undefined && other.address === address);
  if (twin) problem(['devices', i, 'address'], `device "${twin.id}" has the address of device "${device}"`);
}

/** A maker's bridge: dialect and topics belong together, and no topic is two bridges'. */
function checkBridge(devices: Config['devices'], i: number, problem: Tell): void {
  const { id: bridge, kind, dialect, topics = [] } = devices[i] as Config['devices'][number];
  if (dialect !== undefined && topics.length === 0) {
    problem(['devices', i, 'dialect'], `device "${bridge}" needs topics: the filters of what it publishes`);
  }
  if (dialect === undefined && topics.length > 0) {
    problem(['devices', i, 'topics'], `device "${bridge}" has topics of its own but no dialect to read them`);
  }
  const speaker = dialect === undefined ? undefined : dialectByName.get(dialect)?.kind;
  if (speaker !== undefined && speaker !== kind) {
    problem(
      ['devices', i, 'dialect'],
      `${dialect} is spoken by a ${speaker}, and device "${bridge}" is a ${kind}`,
    );
  }
  for (const earlier of devices.slice(0, i)) {
    for (const [j, filter] of topics.entries()) {
      const taken = earlier.topics?.find((other) => overlap(other, filter));
      if (taken === undefined) continue;
      problem(['devices', i, 'topics', j], `${filter} and ${taken} of device "${earlier.id}" overlap`);
    }
  }
}

/** A GATT thermostat is spoken to by this machine's radio, which has to know where and in which words. */
function checkGatt(config: Config, i: number, problem: Tell): void {
  const { id: device, kind, address, model, credentialFile } = config.devices[i] as Config['devices'][number];
  const isGatt = kind === 'thermostat-gatt';
  for (const [key, value] of Object.entries({ model, credentialFile })) {
    if (isGatt && value === undefined) problem(['devices', i], `device "${device}" needs ${key}`);
    if (!isGatt && value !== undefined)
      problem(['devices', i, key], `${key} is of kind thermostat-gatt, and device "${device}" is a ${kind}`);
  }
  if (!isGatt) return;
  if (address === undefined) problem(['devices', i], `device "${device}" needs its Bluetooth address`);
  const { radio } = config.inputs;
  if (!radio) problem(['devices', i], `device "${device}" is spoken to by this machine: add inputs.radio`);
  else if (radio.driver === 'noble' && !radio.gatt) {
    problem(
      ['devices', i],
      `device "${device}" is spoken to by BlueZ: set inputs.radio.driver: bluez, or inputs.radio.gatt.adapter to an adapter of its own`,
    );
  }
}

/** noble and BlueZ cannot share an adapter; BlueZ has no controller behind TCP, and noble none by an address. */
function checkRadio({ inputs: { radio } }: Config, problem: Tell): void {
  if (!radio) return;
  if (radio.driver === 'bluez' && radio.adapter.startsWith('tcp:')) {
    problem(
      ['inputs', 'radio', 'adapter'],
      'BlueZ has adapters of this machine only: hci0, hci1 …, or an address AA:BB:CC:DD:EE:FF',
    );
  }
  if (radio.driver === 'noble' && adapterAddress(radio.adapter) !== undefined) {
    problem(
      ['inputs', 'radio', 'adapter'],
      `noble opens an adapter by its number, not by an address: write hci0, hci1 … (btmgmt info shows which is ${radio.adapter}), or set driver: bluez`,
    );
  } else if (radio.driver === 'noble' && radio.gatt?.adapter === radio.adapter) {
    problem(
      ['inputs', 'radio', 'gatt', 'adapter'],
      `${radio.adapter} is noble's already: BlueZ needs an adapter of its own, or set driver: bluez`,
    );
  }
}

function checkInflux({ influx }: Config, problem: Tell): void {
  if (!influx) return;
  const { userName, passwordFile, rawDays, keepDays } = influx;
  if ((userName === undefined) !== (passwordFile === undefined)) {
    problem(['influx'], 'userName and passwordFile belong together: give both, or neither');
  }
  if (keepDays < rawDays) {
    problem(
      ['influx', 'keepDays'],
      `what is summed up is kept for ${keepDays} days, and rawDays are ${rawDays}`,
    );
  }
}

function unique(entries: { id: string }[], path: string[], problem: Tell): void {
  const seen = new Set<string>();
  for (const [i, entry] of entries.entries()) {
    if (seen.has(entry.id)) problem([...path, i, 'id'], `"${entry.id}" stands twice in ${path.join('.')}`);
    seen.add(entry.id);
  }
}
