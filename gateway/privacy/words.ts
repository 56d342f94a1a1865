import type { Purpose } from '../consent-record.ts';
import type { Channel } from './channels.ts';
import type { Mode } from './mode.ts';
import type { Way } from './ways.ts';

/** Everything that the notice says, in one language. Another language is another value of this type. */
export interface Words {
  /** What only the controller can fill in, marked so that it cannot be overlooked. */
  gap(what: Gap): string;
  /** Typography, over each finished text. */
  polish(text: string): string;
  list(items: readonly string[]): string;
  /** Between the parts of an enumeration. */
  separator: string;
  /** A word and what it means, as Markdown. */
  term(name: string, says: string): string;
  headings: { poster: string; kiosk: string; record: string };
  posterTitle: Record<Mode, string>;
  kioskTitle: Record<Mode, string>;
  controller(name: string): string;
  /** Of a shop that recognises: who agreed to nothing. */
  strangers: string;
  counted: string;
  notCounted: string;
  nobodyRecognised: string;
  recognisedBy(ways: string): string;
  purposesAre(purposes: string): string;
  ways: Record<Way, string>;
  purposes: Record<Purpose, { name: string; says: string }>;
  sensitive(zones: string): string;
  onlyCounted(zones: string): string;
  untouched(zones: string): string;
  kept(hours: number): string;
  receivedBy(who: string): string;
  nobodyReceives: string;
  withdraw(channels: string): string;
  channels: Record<Channel, string>;
  object(how: string): string;
  rights: string;
  contact(who: string): string;
  notice(id: string, version: string): string;
  kiosk: { agree: string; refuse: string; held: string; leave: string };
  record: {
    name: Record<Mode, string>;
    labels: Record<RecordLabel, string>;
    subjects: Record<Mode, string>;
    categories: Record<Mode, string>;
    basis: { consent: string; counting: string; none: string };
    counting: string;
    /** In a mode that recognises nobody: lists are received and not used. */
    unused: { subjects: string; categories: string };
    nobodyReceives: string;
    eventsKept(hours: number): string;
    countsKept: string;
    consentsKept: string;
    security: string;
  };
}

export type Gap =
  | 'controller'
  | 'contact'
  | 'officer'
  | 'objection'
  | 'balancing'
  | 'transfers'
  | 'proof'
  | 'assessment'
  | 'hosting';

export type RecordLabel =
  | 'name'
  | 'controller'
  | 'officer'
  | 'purposes'
  | 'basis'
  | 'subjects'
  | 'categories'
  | 'recipients'
  | 'transfers'
  | 'kept'
  | 'security'
  | 'assessment';
