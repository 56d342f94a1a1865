/** A consent record as the central platform lists it, of somebody who agreed to be recognised and located. */
export function agreed(keys: readonly object[], more: object = {}) {
  return {
    recordId: 'c1',
    version: 1,
    subjectRef: 'p_1',
    purposes: ['recognition', 'location'],
    state: 'given',
    validFrom: '2026-01-01T00:00:00Z',
    validUntil: '2099-01-01T00:00:00Z',
    noticeId: 'n1',
    noticeVersion: '1',
    language: 'fr',
    method: 'app',
    stores: ['s1'],
    keys,
    ...more,
  };
}
