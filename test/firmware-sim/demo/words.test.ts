import { describe, expect, it } from 'vitest';
import { inWords } from '../../../firmware-sim/demo/words.ts';

const time = '2026-03-01T10:00:00.000Z';
const words = (name: string, data: object) => inWords({ type: `aisle.${name}.v1`, time, data })?.text;
const subject = { ref: 'p_3' };

describe('events in words', () => {
  it.each([
    ['visit.started', { subject, method: 'eid' }, 'p_3 is here, known by a tag'],
    ['zone.entered', { subject, zoneId: 'shoes' }, 'p_3 entered Shoes'],
    ['zone.dwelled', { subject, zoneId: 'bags', thresholdS: 120 }, 'p_3 has been in Bags for 2 min'],
    ['visit.ended', { reason: 'withdrawn' }, 'A visit ended: its consent was withdrawn'],
    [
      'shelf.item.picked',
      { shelfId: 'shelf-2', sku: 'trail-shoe', quantity: 1 },
      'One trail shoe picked from shelf-2',
    ],
    [
      'button.pressed',
      { deviceId: 'button-1', zoneId: 'shoes', intent: 'advice' },
      'button-1 pressed in Shoes: advice',
    ],
    [
      'thermostat.changed',
      { deviceId: 't1', setpointC: 20.5, changedBy: 'central' },
      't1 set to 20.5 °C, from afar',
    ],
    ['occupancy.aggregated', { zoneId: 'coats', count: null }, 'Fewer than 10 others in Coats'],
    ['device.health', { deviceId: 'b1', state: 'online' }, 'b1 is online'],
    ['device.health', { deviceId: 't4', batteryLow: true }, 't4 is low on battery'],
    ['gateway.gap', { count: 4, reason: 'erased' }, '4 waiting events erased'],
  ])('tell %s', (name, data, text) => {
    expect(words(name, data)).toBe(text);
  });

  it('say when, whom and which device it is about', () => {
    const type = 'aisle.zone.entered.v1';
    expect(inWords({ type, time, data: { subject, zoneId: 'shoes' } })).toMatchObject({
      at: Date.parse(time),
      about: 'person',
      ref: 'p_3',
    });
  });

  it('leave out what another line says, and what they do not know', () => {
    expect(words('zone.exited', { subject })).toBeUndefined();
    expect(words('something.new', {})).toBeUndefined();
    expect(inWords({ type: 'com.example.other' })).toBeUndefined();
  });
});
