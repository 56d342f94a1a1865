import type { Report } from './report.ts';

/** The report as a person reads it. */
export function reportMarkdown(report: Report): string {
  const { store, gateway, at, mode } = report;
  return [
    `# Data protection report: shop ${store}, gateway ${gateway}`,
    `Made from the running configuration and the event types on ${at.slice(0, 10)}; mode ${mode}. It is material for an impact assessment (GDPR art. 35), not one: what only the controller can say is marked.`,
    '## Description',
    ...report.description,
    '## Necessity and proportionality',
    list(report.necessity),
    ...exceptions(report),
    '## What is held',
    table(
      ['what', 'whose', 'for what', 'legal basis', 'where', 'how long', 'who receives it'],
      report.inventory.map(({ what, whose, purpose, basis, where, keptFor, recipients }) => [
        what,
        whose,
        purpose,
        basis,
        where,
        keptFor,
        recipients.join('; '),
      ]),
    ),
    'In the data folder, each readable by this service alone:',
    table(
      ['file', 'holds'],
      report.files.map(({ file, holds }) => [`\`${file}\``, holds]),
    ),
    '## Events',
    table(
      ['event', 'of a person', 'rests on', 'says', 'waits here'],
      report.events.map(({ name, personal, purposes, says, waits }) => [
        `\`${name}\``,
        personal,
        purposes.join(', ') || '-',
        says,
        waits,
      ]),
    ),
    '## Flows',
    table(
      ['from', 'to', 'what', 'protected by'],
      report.flows.map(({ from, to, what, protection }) => [from, to, what, protection]),
    ),
    '## Recipients',
    list(report.recipients),
    '## Retention',
    table(
      ['what', 'at most'],
      report.retention.map(({ what, limit }) => [what, limit]),
    ),
    '## Risks',
    table(
      ['risk', 'measures', 'what is left'],
      report.risks.map(({ risk, measures, left }) => [risk, measures.join(', '), left]),
    ),
    '## Measures',
    measuresTable(report.measures),
    '## To be completed by the controller',
    list(report.gaps),
  ].join('\n\n');
}

/** Also the table of `docs/consent.md`. */
export function measuresTable(measures: Report['measures']): string {
  return table(
    ['', 'what is done', 'shown by'],
    measures.map(({ id, does, shownBy, lacks }) => [
      id,
      does,
      [...shownBy, ...(lacks ? [lacks] : [])].join('; '),
    ]),
  );
}

/** Also the table of `docs/consent.md`. */
export function eventsTable(
  events: readonly { name: string; personal: string; purposes: readonly string[]; says: string }[],
): string {
  return table(
    ['event', 'of a person', 'rests on', 'says'],
    events.map(({ name, personal, purposes, says }) => [
      `\`${name}\``,
      personal,
      purposes.join(', ') || '-',
      says,
    ]),
  );
}

function exceptions({ exceptions }: Report): string[] {
  if (exceptions.length === 0) return [];
  const said = exceptions.map(({ zone, mode, sensitive }) =>
    sensitive ? `${zone}: sensitive, nothing personal is told of it` : `${zone}: mode ${mode}`,
  );
  return ['Areas with rules of their own:', list(said)];
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
