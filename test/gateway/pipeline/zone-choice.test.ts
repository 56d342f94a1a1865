import { describe, expect, it } from 'vitest';
import { chooseZone } from '../../../gateway/pipeline/zone-choice.ts';

const likely = (shoes: number, bags: number) =>
  new Map(Object.entries({ shoes, bags, unknown: 1 - shoes - bags }));
const shoes = { zone: 'shoes', since: 1_000 };

describe('the zone somebody is in', () => {
  it('stays where another is only a little likelier', () => {
    expect(chooseZone(shoes, likely(0.4, 0.6), 9_000, true)).toMatchObject(shoes);
  });

  it('changes where another is clearly likelier, as of when it became likelier', () => {
    const wavering = chooseZone(shoes, likely(0.4, 0.6), 9_000, true);
    const still = chooseZone(wavering, likely(0.35, 0.65), 10_000, true);
    expect(chooseZone(still, likely(0.1, 0.9), 11_000, true)).toEqual({ zone: 'bags', since: 9_000 });
  });

  it('forgets a doubt that passed', () => {
    const wavering = chooseZone(shoes, likely(0.4, 0.6), 9_000, true);
    const sure = chooseZone(wavering, likely(0.8, 0.2), 10_000, true);
    expect(chooseZone(sure, likely(0.1, 0.9), 20_000, true)).toEqual({ zone: 'bags', since: 20_000 });
  });

  it('has no advantage after a silence', () => {
    expect(chooseZone(shoes, likely(0.4, 0.6), 9_000, false)).toEqual({ zone: 'bags', since: 9_000 });
  });

  it('is unknown where being in none is clearly likelier', () => {
    expect(chooseZone(shoes, likely(0.1, 0.1), 9_000, true)).toEqual({ zone: 'unknown', since: 9_000 });
  });
});
