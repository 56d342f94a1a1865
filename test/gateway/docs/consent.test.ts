import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PURPOSES } from '../../../gateway/consent-record.ts';
import { EVENT_TYPES, purposesInUse } from '../../../gateway/event-types.ts';
import { K, ROUNDING } from '../../../gateway/pipeline/context/occupancy.ts';
import { MEASURES } from '../../../gateway/privacy/measures.ts';
import { eventsTable, measuresTable } from '../../../gateway/privacy/report-markdown.ts';
import { shopWith } from '../privacy/shops.ts';

const page = readFileSync(new URL('../../../gateway/docs/consent.md', import.meta.url), 'utf8');
const program = readFileSync(new URL('../../../gateway/main.ts', import.meta.url), 'utf8');

describe('docs/consent.md', () => {
  it('R27: has the table of events and the table of measures as the code has them', () => {
    expect(page).toContain(eventsTable(EVENT_TYPES));
    expect(page).toContain(measuresTable(MEASURES));
  });

  it('says the times and counts that are the defaults', () => {
    const { retention, consents } = shopWith('identify');
    expect(page).toContain(`| ${retention.personalHours} h (\`retention.personalHours\`) |`);
    expect(page).toContain(`(${consents.maxAgeHours} h, \`consents.maxAgeHours\`)`);
    expect(page).toContain(`A number below ${K} is not told, others are rounded to ${ROUNDING}.`);
  });

  it('names the purposes that nothing rests on yet', () => {
    const unused = PURPOSES.filter((purpose) => !purposesInUse().includes(purpose));
    expect(page).toContain(`${unused.map((purpose) => `\`${purpose}\``).join(' and ')} can be agreed to`);
  });

  it('names only commands that there are', () => {
    const named = [...page.matchAll(/`aisle ([a-z]+)(?: ([a-z]+))?/g)];
    expect(named.length).toBeGreaterThan(8);
    for (const [, group, command] of named) {
      expect(program).toContain(`.command('${group}`);
      if (command) expect(program).toMatch(new RegExp(`\\.command\\('${command}\\b`));
    }
  });
});
