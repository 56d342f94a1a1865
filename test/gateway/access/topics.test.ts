import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isAside,
  matches,
  mayPublish,
  maySubscribe,
  overlap,
  whyNotBridgeFilter,
} from '../../../gateway/access/topics.ts';

const BRIDGE = {
  filters: ['home/omg/BTtoMQTT/#'],
  asides: ['home/omg/#'],
  commands: ['home/omg/commands/#'],
};

describe('a filter', () => {
  // MQTT 3.1.1 §4.7.1, the examples of the specification
  it.each([
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/#', 'sport', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
  ])('%s and the topic %s: %s', (filter, topic, does) => {
    expect(matches(filter, topic)).toBe(does);
  });

  it('that overlaps another has a topic in common with it, and only then', () => {
    const level = fc.constantFrom('a', 'b', '+');
    const filter = fc
      .tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'));
    const words = ['a', 'b', 'c'];
    const topics = words.flatMap((x) => [
      x,
      ...words.flatMap((y) => [
        `${x}/${y}`,
        ...words.flatMap((z) => [`${x}/${y}/${z}`, ...words.map((w) => `${x}/${y}/${z}/${w}`)]),
      ]),
    ]);
    fc.assert(
      fc.property(filter, filter, (one, other) => {
        const common = topics.some((topic) => matches(one, topic) && matches(other, topic));
        expect(overlap(one, other)).toBe(common);
      }),
    );
  });

  it.each([
    ['home/OpenMQTTGateway/BTtoMQTT/#', undefined],
    ['home/+/BTtoMQTT/+', undefined],
    ['devices/omg/#', 'must not begin with "devices", which is the shop’s own'],
    ['context/weather', 'must not begin with "context", which is the shop’s own'],
    ['stores/#', 'must not begin with "stores", which is the shop’s own'],
    ['$SYS/#', 'must not begin with "$SYS", which is the shop’s own'],
    ['$share/g/home/#', 'must not begin with "$share", which is the shop’s own'],
    ['#', 'must begin with a name: a wildcard there would take what is not the bridge’s'],
    ['+/omg/#', 'must begin with a name: a wildcard there would take what is not the bridge’s'],
  ])('%s of a bridge: %s', (filter, why) => {
    expect(whyNotBridgeFilter(filter)).toBe(why);
  });

  it.each([
    '',
    'home/#/x',
    'home/a+',
    'home/a#',
    'home//x',
    'home/../x',
    'home/\0',
    `home/${'a/'.repeat(12)}b`,
  ])('%j of a bridge is none', (filter) => {
    expect(whyNotBridgeFilter(filter)).toContain('must be a filter such as');
  });
});

describe('a bridge', () => {
  it.each([
    ['home/omg/BTtoMQTT/AABBCCDDEEFF', true],
    ['home/omg/LWT', false],
    ['home/other/BTtoMQTT/AABBCCDDEEFF', false],
    ['devices/omg/advertisements', false],
    ['home/omg/BTtoMQTT/a//b', false],
    [`home/omg/BTtoMQTT/${'x'.repeat(300)}`, false],
    [`home/omg/BTtoMQTT/${'x/'.repeat(9)}x`, false],
  ])('may publish to %s: %s', (topic, may) => {
    expect(mayPublish('omg', topic, BRIDGE)).toBe(may);
  });

  it('says of itself what nobody needs, but gives no orders', () => {
    expect(isAside('home/omg/LWT', BRIDGE)).toBe(true);
    expect(isAside('home/omg/commands/MQTTtoBT/config', BRIDGE)).toBe(false);
    expect(isAside('home/other/LWT', BRIDGE)).toBe(false);
    expect(isAside('home/omg/LWT', undefined)).toBe(false);
    const wide = { ...BRIDGE, filters: ['home/omg/#'] };
    expect(mayPublish('omg', 'home/omg/commands/MQTTtoBT/config', wide)).toBe(false);
  });

  it.each([
    ['home/omg/commands/#', true],
    ['home/omg/commands/MQTTtoBT/config', true],
    ['home/omg/commands/+/config', true],
    ['devices/omg/commands/+', true],
    ['home/omg/#', false],
    ['home/omg/+/x', false],
    ['home/omg/BTtoMQTT/#', false],
    ['home/+/commands/#', false],
    ['#', false],
  ])('R26: may subscribe to %s: %s', (filter, may) => {
    expect(maySubscribe('omg', filter, BRIDGE)).toBe(may);
  });
});
