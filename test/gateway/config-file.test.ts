import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig } from '../../gateway/config.ts';

const STORE = 'store: {id: s1, gateway: g1, timezone: Europe/Paris}';

/** What a person is told, a line for each problem. */
function told(text: string): string[] {
  try {
    parseConfig(text, 'aisle.yaml');
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => problem.text);
    throw error;
  }
  return [];
}

describe('a configuration with', () => {
  it.each<[what: string, text: string, ...told: string[]]>([
    [
      'a typo in a required key',
      'store: {id: s1, gatway: g1, timezone: Europe/Paris}\nmode: off\nmap: {}',
      'aisle.yaml:1:17: store.gatway: is not a key of store; did you mean "gateway"?',
    ],
    [
      'a typo in an optional key, deep down',
      `${STORE}\nmode: off\nmap: {}\ninputs:\n  mqtt:\n    lsiten: 127.0.0.1:1883`,
      'aisle.yaml:6:5: inputs.mqtt.lsiten: is not a key of inputs.mqtt; did you mean "listen"?',
    ],
    [
      'a typo in an entry of a list',
      `${STORE}\nmode: off\nmap: {}\nuplinks:\n  - {kind: http, url: "http://a"}\n  - {kind: http, ulr: "http://b"}`,
      'aisle.yaml:6:18: uplinks.1.ulr: is not a key of uplinks.1; did you mean "url"?',
    ],
    [
      'a key that is like none',
      `${STORE}\nmode: off\nmap: {}\nclock: {precision: 1}`,
      'aisle.yaml:4:9: clock.precision: is not a key of clock; it knows source',
    ],
    [
      'a typo in a word',
      `${STORE}\nmode: identfy\nmap: {}`,
      'aisle.yaml:2:1: mode: must be one of off, anonymous, identify, it is "identfy"; did you mean "identify"?',
    ],
    [
      'a kind of uplink that there is not',
      `${STORE}\nmode: off\nmap: {}\nuplinks: [{kind: htp, url: "http://a"}]`,
      'aisle.yaml:4:12: uplinks.0.kind: must be one of http, mqtt, segment, unomi, it is "htp"; did you mean "http"?',
    ],
    ['nothing in it', '', 'aisle.yaml:1:1: must be a map of keys, it is empty'],
    [
      'keys missing',
      `${STORE}\n`,
      'aisle.yaml:1:1: mode: is missing: must be one of off, anonymous, identify',
      'aisle.yaml:1:1: map: is missing: must be a map of keys',
    ],
    [
      'other types',
      `store: {id: 5, gateway: g1, timezone: Mars/Base}\nmode: [off]\nmap: {zones: [{id: z, polygon: [[1, 2], [3]]}]}`,
      'aisle.yaml:1:9: store.id: must be text, it is 5',
      'aisle.yaml:1:29: store.timezone: must be an IANA time zone, for example Europe/Paris',
      'aisle.yaml:2:1: mode: must be one of off, anonymous, identify, it is a list',
      'aisle.yaml:3:23: map.zones.0.polygon: must have at least 3 entries',
      'aisle.yaml:3:41: map.zones.0.polygon.1: must have at least 2 entries',
    ],
    [
      'numbers out of range',
      `${STORE}\nmode: off\nmap: {beacons: [{id: b, uuid: x, major: 70000, minor: 1.5, zone: z}]}\nretention: {personalHours: 0}`,
      'aisle.yaml:3:25: map.beacons.0.uuid: must be a UUID',
      'aisle.yaml:3:34: map.beacons.0.major: must be at most 65535',
      'aisle.yaml:3:48: map.beacons.0.minor: must be a whole number, it is 1.5',
      'aisle.yaml:4:13: retention.personalHours: must be more than 0',
    ],
    [
      'a key of a later version',
      `${STORE}\nmode: off\nmap: {}\nrules: [x]`,
      'aisle.yaml:4:1: rules: is not available in this version: leave it out',
    ],
    [
      'a zone that is not there',
      `${STORE}\nmode: off\nmap: {}\ndevices:\n  - {id: b1, kind: smart-button, zone: shoes}`,
      'aisle.yaml:5:34: devices.0.zone: zone "shoes" is not in map.zones',
    ],
    [
      'an id twice',
      `${STORE}\nmode: off\nmap: {}\ndevices:\n  - {id: b1, kind: smart-button}\n  - {id: b1, kind: thermostat}`,
      'aisle.yaml:6:6: devices.1.id: "b1" stands twice in devices',
    ],
    [
      'a broker open to all without TLS',
      `${STORE}\nmode: off\nmap: {}\ninputs: {mqtt: {listen: "0.0.0.0:1883"}}`,
      'aisle.yaml:4:17: inputs.mqtt.listen: 0.0.0.0:1883 is open to other machines without TLS: set inputs.mqtt.tls {cert, key}, or plaintext: true where the network is trusted',
    ],
    ['tabs', 'store:\n\tid: s1', 'aisle.yaml:2:1: not YAML: Tabs are not allowed as indentation'],
    ['a key twice', 'mode: off\nmode: off', 'aisle.yaml:2:1: not YAML: Map keys must be unique'],
    [
      'an alias of nothing',
      'store: *shop',
      'aisle.yaml:1:1: not YAML: Unresolved alias (the anchor must be set before the alias): shop',
    ],
    [
      'two documents',
      'mode: off\n---\nmode: off',
      'aisle.yaml:2:1: not YAML: Source contains multiple documents',
    ],
  ])('%s is refused: file, line, column, what is expected', (_what, text, ...expected) => {
    expect(told(text)).toEqual(expected);
  });

  it('what JavaScript would inherit is a key like others, and refused', () => {
    expect(told(`${STORE}\nmode: off\nmap: {}\n__proto__: {x: 1}`)).toEqual([
      expect.stringContaining('aisle.yaml:4:1: __proto__: is not a key of the file'),
    ]);
  });

  it('aliases of aliases without end is refused, and does not eat the memory', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (let n = 0; n < 12; n += 1) {
      const [anchor, alias] = [String.fromCharCode(98 + n), String.fromCharCode(97 + n)];
      bomb.push(`${anchor}: &${anchor} [${Array(10).fill(`*${alias}`).join(', ')}]`);
    }
    expect(told(bomb.join('\n'))).toEqual([
      expect.stringMatching(/^aisle\.yaml:1:1: not YAML: Excessive alias/),
    ]);
  });

  it('everything in order is taken, with its defaults', () => {
    const config = parseConfig(`${STORE}\nmode: off\nmap: {}`, '/etc/aisle/aisle.yaml');
    expect(config).toMatchObject({ data: '/etc/aisle/data', uplinks: [], clock: { source: 'systemd' } });
  });
});
