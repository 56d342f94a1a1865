import type { EVENT_TYPES } from '../../gateway/event-types.ts';

/** A CloudEvent as it leaves the box. */
export type Sent = Record<string, unknown> & { type: string; data: Record<string, unknown> };

/**
 * What is wrong with an event as a data protection officer sees it: a personal one that does not say what
 * it rests on (R11, R5), or something personal outside of `data` (R23). `marks` are the texts that stand
 * for a person: references, record ids, keys, addresses.
 */
export function problemsOf(event: Sent, types: typeof EVENT_TYPES, marks: Iterable<string>): string[] {
  const type = types.find(({ name }) => event.type === `aisle.${name}.v1`);
  if (!type) return [`${event.type} is no event type`];
  return [...ofConsent(event, type), ...ofAttributes(event, marks)].map((text) => `${type.name}: ${text}`);
}

function ofConsent({ data }: Sent, type: (typeof EVENT_TYPES)[number]): string[] {
  const { subject, consent } = data as { subject?: { ref?: unknown }; consent?: Record<string, unknown> };
  if (!subject) return withoutSubject(data, type);
  if (type.personal === 'never') return ['names a subject'];
  const missing = ['recordId', 'version', 'noticeVersion', 'purposes'].filter(
    (field) => consent?.[field] === undefined,
  );
  if (missing.length > 0) return [`consent lacks ${missing.join(', ')}`];
  const granted = consent?.purposes as string[];
  return type.purposes.flatMap((purpose) =>
    granted.includes(purpose) ? [] : [`does not rest on ${purpose}`],
  );
}

/** Who is not named must not be found by another way. */
function withoutSubject(data: Record<string, unknown>, type: (typeof EVENT_TYPES)[number]): string[] {
  const problems: string[] = [];
  if (data.consent !== undefined) problems.push('names a consent without a subject');
  if (data.attribution !== undefined) problems.push('names a visit without a subject');
  if (data.zones !== undefined) problems.push('names areas without a subject');
  if (type.personal === 'always' && data.recordId === undefined)
    problems.push('names neither subject nor record');
  if (type.personal !== 'always' && data.visitId !== undefined) problems.push('names a visit');
  return problems;
}

function ofAttributes({ data, ...attributes }: Sent, marks: Iterable<string>): string[] {
  const text = JSON.stringify(attributes).toLowerCase();
  const found = [...marks].filter((mark) => text.includes(mark.toLowerCase()));
  const visitId = data.visitId ?? (data.attribution as { visitId?: unknown } | undefined)?.visitId;
  return [
    ...found.map((mark) => `${mark} stands outside of data`),
    ...(attributes.partitionkey === visitId ? [] : ['partitionkey is not the visit']),
  ];
}
