import type { StoreMap } from '../store-map.ts';
import type { Recognised, Subject } from './identify.ts';

/** Signal strength is averaged over about so long, ms: shorter follows fading, longer lags the walk. */
const AVERAGED_OVER = 3_000;
/** An anchor that was not heard for so long says nothing any more, ms. */
const ANCHOR_STALE = 6_000;
/** A new zone has to hold for so long before it is believed, ms: a body's shadow lasts less. */
const HOLD = 3_000;
/** The first zone is decided after so long, or at once when this many anchors were heard. */
const FIRST_AFTER = 2_000;
const FIRST_ANCHORS = 3;
/** Not seen for so long: the zone is unknown, never the last one for ever, ms. */
const LOST_AFTER = 60_000;
/** How steeply a stronger anchor outweighs a weaker one, per dB (10^(dB × this)). */
const WEIGHT_PER_DB = 0.1;

/** Where a subject is believed to be, and why. */
export interface Presence {
  subject: Subject;
  zone: string | 'unknown';
  /** When the zone began, an estimate; ms. */
  since: number;
  lastSeen: number;
  /** Metres; absent where no anchor with a place was heard. */
  x?: number;
  y?: number;
  /** 0 to 1: the share of the evidence that lies in the zone. */
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
  heard: Map<string, { rssi: number; at: number }>;
  firstAt: number;
  lastSeen: number;
  /** An app's report is a whole scan: it is believed at once. */
  wholeScan: boolean;
  zone: string | 'unknown';
  since: number;
  candidate?: { zone: string; since: number } | undefined;
  presence?: Presence;
}

export function createLocate(map: StoreMap): Locate {
  const tracks = new Map<string, Track>();

  function trackOf(subject: Subject, at: number): Track {
    const known = tracks.get(subject.ref);
    if (known) return known;
    const track: Track = {
      subject,
      heard: new Map(),
      firstAt: at,
      lastSeen: at,
      wholeScan: false,
      zone: 'unknown',
      since: at,
    };
    tracks.set(subject.ref, track);
    return track;
  }

  function hear({ subject, anchor, rssi, at, method }: Recognised): void {
    const track = trackOf(subject, at);
    track.lastSeen = Math.max(track.lastSeen, at);
    track.wholeScan = method === 'app';
    const place = map.anchors.get(anchor);
    if (!place || rssi === null) return;
    const strength = rssi + place.offsetDb;
    const before = track.heard.get(anchor);
    if (!before || at - before.at > ANCHOR_STALE || track.wholeScan) {
      track.heard.set(anchor, { rssi: strength, at });
      return;
    }
    const share = 1 - Math.exp(-Math.max(at - before.at, 1) / AVERAGED_OVER);
    before.rssi += share * (strength - before.rssi);
    before.at = Math.max(before.at, at);
  }

  function place(ref: string, at: number): Presence | undefined {
    const track = tracks.get(ref);
    if (!track) return undefined;
    const estimate = estimatePosition(track, at);
    decide(track, estimate?.zone, at);
    const inZone = estimate && track.zone === estimate.zone;
    track.presence = {
      subject: track.subject,
      zone: track.zone,
      since: track.since,
      lastSeen: track.lastSeen,
      confidence: inZone ? estimate.confidence : 0,
      why: estimate?.why ?? (track.zone === 'unknown' ? 'not heard' : 'heard a while ago'),
      ...(estimate && { x: estimate.x, y: estimate.y }),
    };
    return track.presence;
  }

  /** Weighted centroid of the anchors heard lately. */
  function estimatePosition(track: Track, at: number) {
    let weight = 0;
    let x = 0;
    let y = 0;
    let strongest: { id: string; rssi: number } | undefined;
    const byZone = new Map<string, number>();
    for (const [id, heard] of track.heard) {
      const anchor = map.anchors.get(id);
      const newest = track.wholeScan ? track.lastSeen : at;
      if (!anchor || newest - heard.at > ANCHOR_STALE) {
        track.heard.delete(id);
        continue;
      }
      const share = 10 ** (heard.rssi * WEIGHT_PER_DB);
      weight += share;
      x += share * anchor.x;
      y += share * anchor.y;
      if (anchor.zone !== undefined) byZone.set(anchor.zone, (byZone.get(anchor.zone) ?? 0) + share);
      if (!strongest || heard.rssi > strongest.rssi) strongest = { id, rssi: heard.rssi };
    }
    if (!strongest || weight === 0) return undefined;
    x /= weight;
    y /= weight;
    const zone = map.zoneAt(x, y) ?? map.anchors.get(strongest.id)?.zone;
    return {
      x,
      y,
      zone,
      confidence: Math.round(((byZone.get(zone ?? '') ?? 0) / weight) * 100) / 100,
      why: `${strongest.id} strongest at ${Math.round(strongest.rssi)} dBm of ${track.heard.size} heard`,
    };
  }

  /** A zone changes only when the new one has held; it is lost when nothing was heard for long. */
  function decide(track: Track, zone: string | undefined, at: number): void {
    if (at - track.lastSeen >= LOST_AFTER) {
      if (track.zone !== 'unknown') enter(track, 'unknown', track.lastSeen);
      return;
    }
    if (zone === undefined || zone === track.zone) {
      track.candidate = undefined;
      return;
    }
    if (track.candidate?.zone !== zone) track.candidate = { zone, since: at };
    const isFirst = track.zone === 'unknown';
    const hasHeld = isFirst
      ? track.heard.size >= FIRST_ANCHORS || at - track.firstAt >= FIRST_AFTER
      : at - track.candidate.since >= HOLD;
    if (track.wholeScan || hasHeld) enter(track, zone, track.candidate.since);
  }

  return {
    hear,
    place,
    resume(subject, zone, since, lastSeen) {
      Object.assign(trackOf(subject, lastSeen), { zone, since, lastSeen });
    },
    forget: (ref) => void tracks.delete(ref),
    last: (ref) => tracks.get(ref)?.presence,
    refs: () => tracks.keys(),
  };
}

function enter(track: Track, zone: string, since: number): void {
  track.zone = zone;
  track.since = since;
  track.candidate = undefined;
}
