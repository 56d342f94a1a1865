import { expect, it } from 'vitest';
import { readAnswer } from '../../../gateway/downlink/answer.ts';

const read = (text: string) => readAnswer([Buffer.from(text.slice(0, 3)), Buffer.from(text.slice(3))]);

it('is a cursor and messages; what is no text among them is left out', () => {
  expect(read('{"cursor":{"n":1},"messages":["a.b.c",7,null,"d.e.f"]}')).toEqual({
    cursor: { n: 1 },
    messages: ['a.b.c', 'd.e.f'],
  });
});

it.each(['', 'null', '{}', '[]', '7', '{"messages":7}'])('of nothing is no messages: %s', (text) => {
  expect(read(text).messages).toEqual([]);
});

it('R13: one that is not JSON is not quoted', () => {
  expect(() => read('{"token":"00112233445566778899aabbccddeeff')).toThrow(/^an answer that is not JSON$/);
});

it('with an endless cursor is none', () => {
  expect(() => read(JSON.stringify({ cursor: 'c'.repeat(5_000), messages: [] }))).toThrow('endless cursor');
});

it.each([['"a",'], ['['], ['{"a":']])(
  'of more values than messages could be is not even parsed: %s',
  (value) => {
    expect(() => read(`{"messages":[${value.repeat(30_000)}`)).toThrow('too many values');
  },
);
