import { expect, it } from 'vitest';
import { ConfigError, parseConfig } from '../../gateway/config.ts';

const OMG = 'id: omg-1, kind: receiver, dialect: open-mqtt-gateway';

/** What a person is told about these devices, a line for each problem. */
function told(...devices: string[]): string[] {
  const lines = devices.map((device) => `  - {${device}}`).join('\n');
  const text = `store: {id: s1, gateway: g1, timezone: Europe/Paris}\nmode: off\nmap: {}\ndevices:\n${lines}`;
  try {
    parseConfig(text, 'aisle.yaml');
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => problem.text);
    throw error;
  }
  return [];
}

it('a bridge has a dialect and the filters of what it publishes', () => {
  expect(told(`${OMG}, topics: ["home/omg-1/BTtoMQTT/#", "home/omg-1/LWT"]`)).toEqual([]);
});

it.each([
  [
    'an unknown dialect',
    ['id: x, kind: receiver, dialect: open-mqtt-gatway, topics: ["a/b"]'],
    'must be one of open-mqtt-gateway, it is "open-mqtt-gatway"; did you mean "open-mqtt-gateway"?',
  ],
  ['no topics', [OMG], 'device "omg-1" needs topics: the filters of what it publishes'],
  ['an empty list of topics', [`${OMG}, topics: []`], 'must name at least one filter'],
  [
    'topics alone',
    ['id: x, kind: receiver, topics: ["home/x/#"]'],
    'device "x" has topics of its own but no dialect to read them',
  ],
  [
    'a dialect of another kind of device',
    ['id: x, kind: smart-button, dialect: open-mqtt-gateway, topics: ["home/x/#"]'],
    'open-mqtt-gateway is spoken by a receiver, and device "x" is a smart-button',
  ],
  [
    'topics of the shop',
    [`${OMG}, topics: ["devices/#"]`],
    'must not begin with "devices", which is the shop’s own',
  ],
  [
    'topics of everybody',
    [`${OMG}, topics: ["#"]`],
    'must begin with a name: a wildcard there would take what is not the bridge’s',
  ],
  ['a filter that is none', [`${OMG}, topics: ["home/a+/x"]`], 'must be a filter such as'],
  [
    'topics that are another’s too',
    [
      `${OMG}, topics: ["home/+/BTtoMQTT/#"]`,
      'id: omg-2, kind: receiver, dialect: open-mqtt-gateway, topics: ["home/omg-2/#"]',
    ],
    'home/omg-2/# and home/+/BTtoMQTT/# of device "omg-1" overlap',
  ],
])('a bridge with %s is refused with a sentence', (_what, devices, sentence) => {
  const problems = told(...devices);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^aisle\.yaml:\d+:\d+: devices\./);
  expect(problems[0]).toContain(sentence);
});
