/** Another zone has to be so many times likelier than the present one: fewer flips at a border. */
const CLEARLY = 2.5;

/** The zone somebody is taken to be in. */
export interface ZoneChoice {
  zone: string | 'unknown';
  /** When it began, an estimate; ms. */
  since: number;
  /** A zone that has become likelier, and when: once it clearly is, it is entered as of then. */
  likelier?: { zone: string | 'unknown'; since: number };
}

/**
 * Stays, or goes to the likeliest zone where that is clearly likelier.
 * @param zones probability of each zone, and of `unknown`: in none
 * @param isHeld false where nothing was heard for a while, so that the present zone has no advantage
 */
export function chooseZone(
  present: ZoneChoice,
  zones: ReadonlyMap<string, number>,
  at: number,
  isHeld: boolean,
): ZoneChoice {
  const zone = likeliestZone(zones);
  if (zone === present.zone) return { zone, since: present.since };
  const since = present.likelier?.zone === zone ? present.likelier.since : at;
  const advantage = isHeld ? CLEARLY : 1;
  const isClear = (zones.get(zone) ?? 0) >= advantage * (zones.get(present.zone) ?? 0);
  return isClear ? { zone, since } : { ...present, likelier: { zone, since } };
}

export function likeliestZone(zones: ReadonlyMap<string, number>): string | 'unknown' {
  let likeliest = 'unknown';
  for (const [zone, probability] of zones) {
    if (probability > (zones.get(likeliest) ?? 0)) likeliest = zone;
  }
  return likeliest;
}
