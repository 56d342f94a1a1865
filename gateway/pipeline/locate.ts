import type { StoreMap } from '../store-map.ts';
import type { Recognised, Subject } from './identify.ts';
import { floorGrid } from './position/floor-grid.ts';
import { type Belief, createPositioning, type Estimate, type Heard } from './position/positioning.ts';
import { chooseZone, likeliestZone, type ZoneChoice } from './zone-choice.ts';

/** Somebody is placed anew once in each such span of the clock, ms; what is heard between is gathered. */
const PLACED_EVERY = 1_000;
/** A tag is placed first after so long, ms: by then our receivers have sent what they heard of one frame. */
const FIRST_AFTER = 300;
/** Unless fewer anchors than this heard it: others may be slower, and one alone tells little. */
const FIRST_ANCHORS = 3;
/** But no later than this, ms. */
const FIRST_BEFORE = 1_500;
/** A strength that no receiver can measure; phones give 0 where they have none (CLBeacon.rssi). */
const NO_STRENGTH = 0;
/** After so long without a word, ms, the present zone has no advantage over another: people walk. */
const HELD_FOR = 5_000;
/** A receiver that did not hear the tag for so long, ms, did not miss a frame: it is out of range or dead. */
const UNHEARD_AFTER = 3_000;
/** A frame that waited longer in its receiver says where somebody was, not where they are, ms. */
const TOO_OLD = 5_000;
/** Not seen for so long: the zone is unknown, never the last one for ever, ms. */
const LOST_AFTER = 60_000;

/** How sure a zone is that only an access point names: its signal reaches others too. */
const STAND_IN = 0.5;

/** Where a subject is believed to be, and why. */
export interface Presence {
  subject: Subject;
  zone: string | 'unknown';
  /** When the zone began, an estimate; ms. */
  since: number;
  lastSeen: number;
  /** Metres; absent where nothing on the map was heard. */
  x?: number;
  y?: number;
  /** 0 to 1: how likely the subject is in the zone; 0 where that is unknown. */
  confidence: number;
  why: string;
}

export interface Locate {
  /** Takes what was heard of a subject. */
  hear(recognised: Recognised): void;
  /** Decides the subject's zone at this moment; nothing for somebody never heard. */
  place(ref: string, at: number): Presence | undefined;
  /** Goes on from a stored visit, so that a restart enters no zone twice. */
  resume(subject: Subject, zone: string | 'unknown', since: number, lastSeen: number): void;
  forget(ref: string): void;
  /** As it was last decided. */
  last(ref: string): Presence | undefined;
  refs(): Iterable<string>;
}

interface Track {
  subject: Subject;
  /** Since when the subject is seen without a long pause. */
  firstAt: number;
  lastSeen: number;
  /** What was heard since `placedAt`, by anchor. */
  gathered: Map<number, Gathered>;
  /** Whether that is a phone's scan, which is whole, or a tag's frames, which go on. */
  isScan: boolean;
  /** When each receiver last heard the tag. */
  heardAt: Map<number, number>;
  belief?: Belief;
  placedAt?: number;
  /** When something heard was last weighed. */
  weighedAt?: number;
  choice?: ZoneChoice;
  presence?: Presence;
}

/** Readings of one anchor: a mean of power follows fading less than a mean of dBm. */
interface Gathered {
  milliwatts: number;
  readings: number;
}

/** In which zone each subject is, decided at most once a second from how likely each place is. */
export function createLocate(map: StoreMap): Locate {
  const tracks = new Map<string, Track>();
  const grid = floorGrid(map);
  const positioning = grid && createPositioning(grid);
  const anchors = new Map(grid?.reaches.map(({ anchor }, index) => [anchor.id, index]));
  const isBeacon = new Set([...map.beacons.values()].map(({ id }) => id));
  const beacons = [...anchors].flatMap(([id, index]) => (isBeacon.has(id) ? index : []));
  const receivers = [...anchors].flatMap(([id, index]) => (isBeacon.has(id) ? [] : index));

  function hear({ subject, anchor, rssi, at, method }: Recognised): void {
    const track = trackOf(subject, at);
    track.lastSeen = Math.max(track.lastSeen, at);
    const index = anchors.get(anchor);
    const place = rssi === null ? map.places.get(anchor) : undefined;
    if (place !== undefined) return standIn(track, place, at);
    if (index === undefined || rssi === null || rssi >= NO_STRENGTH) return;
    if (track.lastSeen - at > TOO_OLD) return;
    const isScan = method === 'app';
    // What a phone hears and what receivers hear of a tag are two radios: they are not mixed.
    if (isScan !== track.isScan) track.gathered.clear();
    track.isScan = isScan;
    if (!isScan) track.heardAt.set(index, at);
    const { milliwatts, readings } = track.gathered.get(index) ?? { milliwatts: 0, readings: 0 };
    const strength = 10 ** ((rssi + (map.anchors.get(anchor)?.offsetDb ?? 0)) / 10);
    track.gathered.set(index, { milliwatts: milliwatts + strength, readings: readings + 1 });
  }

  /** An access point knows the zone and no signal strength: that counts until a signal says more. */
  function standIn(track: Track, zone: string, at: number): void {
    if (track.weighedAt !== undefined && at - track.weighedAt <= LOST_AFTER) return;
    if (track.choice?.zone !== zone) {
      track.choice = { zone, since: at };
      delete track.belief;
    }
    track.presence = { ...presenceOf(track, 'its zone alone is known'), confidence: STAND_IN };
  }

  /** Whoever was lost from sight begins anew. */
  function trackOf(subject: Subject, at: number): Track {
    const known = tracks.get(subject.ref);
    if (known && at - known.lastSeen < LOST_AFTER) return known;
    const track = newTrack(subject, at);
    tracks.set(subject.ref, track);
    return track;
  }

  function place(ref: string, at: number): Presence | undefined {
    const track = tracks.get(ref);
    if (!track) return undefined;
    if (at - track.lastSeen >= LOST_AFTER) return lose(track);
    if (isDue(track, at)) placeAnew(track, at);
    const presence =
      track.presence ?? presenceOf(track, track.choice ? 'as before the restart' : 'not yet placed');
    track.presence = { ...presence, lastSeen: track.lastSeen };
    return track.presence;
  }

  /** Nothing of where somebody was is kept once they are out of sight. */
  function lose({ subject, lastSeen }: Track): Presence {
    const track = newTrack(subject, lastSeen);
    track.presence = presenceOf(track, `not heard for ${LOST_AFTER / 1_000} s`);
    tracks.set(subject.ref, track);
    return track.presence;
  }

  function placeAnew(track: Track, at: number): void {
    if (!positioning) return;
    track.belief ??= positioning.begin(track.choice?.zone);
    const { belief, gathered, isScan, placedAt, presence } = track;
    if (placedAt !== undefined && at > placedAt) positioning.walk(belief, (at - placedAt) / 1_000);
    track.placedAt = at;
    const heard = [...gathered].map(([anchor, one]) => heardOf(anchor, one));
    const estimate = positioning.weigh(belief, { heard, unheard: unheardBy(track, at), isScan });
    gathered.clear();
    if (heard.length > 0) {
      track.choice = choiceOf(track, estimate, heard, at);
      track.weighedAt = at;
      const [x, y] = [rounded(estimate.x), rounded(estimate.y)];
      track.presence = { ...presenceOf(track, reasonOf(track.choice, estimate, heard), estimate), x, y };
    } else {
      // Nobody walks by not being heard: the place stays, ever less sure.
      track.presence = { ...presence, ...presenceOf(track, silenceOf(track, at), estimate) };
    }
  }

  function unheardBy({ isScan, gathered, heardAt }: Track, at: number): number[] {
    if (isScan) return beacons.filter((anchor) => !gathered.has(anchor));
    return receivers.filter((anchor) => at - (heardAt.get(anchor) ?? -Infinity) > UNHEARD_AFTER);
  }

  function choiceOf(track: Track, estimate: Estimate, heard: readonly Heard[], at: number): ZoneChoice {
    const { choice, weighedAt, firstAt, isScan } = track;
    const isHeld = weighedAt !== undefined && at - weighedAt <= HELD_FOR;
    const [only] = heard;
    // One anchor alone cannot be told from a circle around it; that it was this one says more.
    const zoneOfOnly = heard.length === 1 && only && grid?.reaches[only.anchor]?.anchor.zone;
    if (!choice) return { zone: zoneOfOnly || likeliestZone(estimate.zones), since: firstAt };
    if (zoneOfOnly && (isScan || !isHeld)) {
      return { zone: zoneOfOnly, since: choice.zone === zoneOfOnly ? choice.since : at };
    }
    return chooseZone(choice, estimate.zones, at, isHeld);
  }

  /** A short sentence for whoever asks why. */
  function reasonOf({ zone, likelier }: ZoneChoice, { zones }: Estimate, heard: readonly Heard[]): string {
    const loudest = heard.reduce((a, b) => (b.rssi > a.rssi ? b : a));
    const id = grid?.reaches[loudest.anchor]?.anchor.id;
    const evidence = `${id} loudest at ${Math.round(loudest.rssi)} dBm of ${heard.length} heard`;
    if (likelier) return `${evidence}; ${likelier.zone} is likelier, not yet clearly`;
    const others = new Map([...zones].filter(([other]) => other !== zone));
    const next = likeliestZone(others);
    const percent = Math.round((zones.get(next) ?? 0) * 100);
    return percent > 0 ? `${evidence}; else ${next} (${percent} %)` : evidence;
  }

  return {
    hear,
    place,
    resume(subject, zone, since, lastSeen) {
      const track = newTrack(subject, lastSeen);
      if (map.zones.has(zone)) track.choice = { zone, since };
      tracks.set(subject.ref, track);
    },
    forget: (ref) => void tracks.delete(ref),
    last: (ref) => tracks.get(ref)?.presence,
    refs: () => tracks.keys(),
  };
}

function newTrack(subject: Subject, at: number): Track {
  return { subject, firstAt: at, lastSeen: at, gathered: new Map(), isScan: false, heardAt: new Map() };
}

function isDue({ placedAt, firstAt, isScan, gathered }: Track, at: number): boolean {
  if (isScan && gathered.size > 0) return true;
  if (placedAt !== undefined) return Math.floor(at / PLACED_EVERY) > Math.floor(placedAt / PLACED_EVERY);
  return at - firstAt >= (gathered.size >= FIRST_ANCHORS ? FIRST_AFTER : FIRST_BEFORE);
}

function silenceOf({ weighedAt, lastSeen, choice }: Track, at: number): string {
  if (weighedAt === undefined) return choice ? 'as before the restart' : 'seen, but by nothing on the map';
  return `not heard for ${Math.max(1, Math.round((at - lastSeen) / 1_000))} s`;
}

function presenceOf({ subject, lastSeen, choice }: Track, why: string, estimate?: Estimate): Presence {
  const { zone, since } = choice ?? { zone: 'unknown', since: lastSeen };
  const probability = zone === 'unknown' ? 0 : (estimate?.zones.get(zone) ?? 0);
  return { subject, zone, since, lastSeen, confidence: rounded(probability), why };
}

/** To centimetres and hundredths: what is beyond means nothing. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

function heardOf(anchor: number, { milliwatts, readings }: Gathered): Heard {
  return { anchor, rssi: 10 * Math.log10(milliwatts / readings), readings };
}
