import { expect, it } from 'vitest';
import { pressed } from '../../../../gateway/pipeline/context/buttons.ts';
import { collector, deviceOf, TEN } from '../shop.ts';

const press = (button: number, kind: Parameters<typeof pressed>[2]) => {
  const { emit, outcome } = collector('button-1/b/1');
  pressed(deviceOf('button-1'), button, kind, TEN, emit);
  return outcome.events;
};

it('a press is an event at once, impersonal, caused by its message', () => {
  expect(press(1, 'press')).toEqual([
    {
      name: 'button.pressed',
      class: 'B',
      time: TEN,
      causationId: 'button-1/b/1',
      data: { storeId: 's1', deviceId: 'button-1', zoneId: 'bags', button: 1, press: 'press' },
    },
  ]);
});

it('asks for what the configuration says, by the press or by button and press', () => {
  expect(press(1, 'long_press')).toMatchObject([{ data: { intent: 'call-staff' } }]);
  expect(press(2, 'press')).toMatchObject([{ data: { intent: 'refill' } }]);
  expect(press(2, 'double_press')[0]?.data).not.toHaveProperty('intent');
});
