import { PURPOSES } from '../consent-record.ts';
import { type EventConsent, globalId, type ReadEvent } from './read-event.ts';

/** A call of the Segment spec, as one element of `batch`. */
export type Call = Record<string, unknown> & { type: 'track' | 'identify'; messageId: string };

/** Segment's reserved name: its profiles take a person's preferences from this event. */
const PREFERENCES_UPDATED = 'Segment Consent Preference Updated';

/**
 * What an event is in Segment's words: one `track`, and for a consent that was granted an `identify` before
 * it. A person's event has their `userId` and no `anonymousId`; what is of nobody, a withdrawal and an
 * erasure among it, has the gateway's `anonymousId` and no `userId`. Never both: that would make the shop's
 * own events that person's.
 */
export function segmentCalls(event: ReadEvent): Call[] {
  const isGrant = event.name === 'consent.granted' && event.person !== undefined;
  const track: Call = {
    ...common(event, isGrant),
    type: 'track',
    messageId: globalId(event),
    event: isGrant ? PREFERENCES_UPDATED : titleOf(event.name),
    properties: event.data,
  };
  if (!isGrant) return [track];
  const identify: Call = {
    ...common(event, isGrant),
    type: 'identify',
    messageId: `${globalId(event)}-identify`,
    traits: traitsOf(event.data),
  };
  return [identify, track];
}

/** `shelf.item.picked` → `Shelf Item Picked`: object and action, as Segment names events. */
export function titleOf(name: string): string {
  return name
    .split('.')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join(' ');
}

function common({ person, source, time, data, origin }: ReadEvent, isGrant: boolean) {
  return {
    ...(person ? { userId: person.ref } : { anonymousId: source }),
    timestamp: time,
    context: {
      library: { name: 'aisle' },
      ...(person && consentContext(person.consent, isGrant ? data.purposes : undefined)),
      aisle: origin,
    },
    integrations: {},
  };
}

/**
 * What is rested on is `true`. Only a grant knows what was left out: elsewhere a purpose that the event
 * does not need is not named, since `false` would take back what the person granted.
 */
function consentContext({ recordId, version, noticeVersion, purposes }: EventConsent, granted?: unknown) {
  const allowed = Array.isArray(granted) ? granted : purposes;
  const denied = Array.isArray(granted) ? PURPOSES.filter((purpose) => !granted.includes(purpose)) : [];
  const preferences = [...allowed.map((one) => [one, true]), ...denied.map((one) => [one, false])];
  return {
    consent: { categoryPreferences: Object.fromEntries(preferences), recordId, version, noticeVersion },
    // RudderStack's form of the same.
    consentManagement: {
      provider: 'custom',
      resolutionStrategy: 'and',
      allowedConsentIds: allowed,
      deniedConsentIds: denied,
    },
  };
}

/** What the shop knows about a person: what they agreed to. */
function traitsOf({ recordId, version, noticeVersion, purposes, validUntil, language }: ReadEvent['data']) {
  return {
    consentRecordId: recordId,
    consentVersion: version,
    consentNoticeVersion: noticeVersion,
    consentPurposes: purposes,
    ...(validUntil !== undefined && { consentValidUntil: validUntil }),
    ...(language !== undefined && { consentLanguage: language }),
  };
}
