import { expect, it } from 'vitest';
import { judgeNode } from '../../gateway/node-version.ts';

const then = Date.parse('2026-11-21');

it('refuses a Node that is too old and says which is needed', () => {
  expect(judgeNode('20.18.3', then).refused).toContain('20.19 or newer');
  expect(judgeNode('18.20.8', then).refused).toBeDefined();
});

it('warns of a release past its end of life and says nothing of one that is not', () => {
  expect(judgeNode('20.20.2', then).warning).toContain('since 2026-04-30');
  expect(judgeNode('20.20.2', Date.parse('2026-01-01'))).toEqual({});
  expect(judgeNode('24.1.0', then)).toEqual({});
});
