import type { Config } from '../config.ts';
import type { Purpose } from '../consent-record.ts';
import { purposesInUse } from '../event-types.ts';
import { type Language, PURPOSE_WORDS } from '../kiosk/words.ts';
import { channelsOf } from './channels.ts';
import { exceptionsOf, type Mode, modeOf } from './mode.ts';
import { waysOf } from './ways.ts';
import type { RecordLabel, Words } from './words.ts';
import { english } from './words-en.ts';
import { french } from './words-fr.ts';

const LANGUAGES: Readonly<Record<Language, Words>> = { fr: french, en: english };

export const NOTICE_LANGUAGES = Object.keys(LANGUAGES) as Language[];

function isLanguage(text: string): text is Language {
  return Object.hasOwn(LANGUAGES, text);
}

/** What a shop hangs up, shows at its kiosk and writes in its record; generated, with the lawyer's gaps marked. */
export interface Notice {
  language: Language;
  mode: Mode;
  poster: { title: string; paragraphs: string[] };
  kiosk: {
    title: string;
    paragraphs: string[];
    purposes: { purpose: Purpose; name: string; says: string }[];
  };
  record: { label: string; value: string }[];
  /** What is still to be filled in, each once. */
  gaps: string[];
}

/**
 * The notice of this configuration (R28; GDPR art. 13 and 30).
 * @throws where there are no texts in the language.
 */
export function noticeOf(config: Config, language: string): Notice {
  if (!isLanguage(language)) {
    throw new Error(`there are no texts in "${language}": ${NOTICE_LANGUAGES.join(' or ')}`);
  }
  const words = LANGUAGES[language];
  const { polish } = words;
  const mode = modeOf(config);
  const texts = {
    poster: { title: polish(words.posterTitle[mode]), paragraphs: posterOf(config, mode, words).map(polish) },
    kiosk: kioskOf(config, mode, language, words),
    record: recordOf(config, mode, words).map(([label, value]) => ({
      label: words.record.labels[label],
      value: polish(value),
    })),
  };
  return { language, mode, ...texts, gaps: gapsIn(JSON.stringify(texts)) };
}

/** Everything marked as the controller's to fill in, each once. */
export function gapsIn(text: string): string[] {
  return [...new Set(text.match(/\[(?:to be completed|à compléter)[^\]]*\]/g))];
}

/** The notice as Markdown. */
export function noticeText(notice: Notice): string {
  const { headings, term, polish } = LANGUAGES[notice.language];
  const { poster, kiosk, record } = notice;
  return [
    `# ${headings.poster}`,
    `## ${poster.title}`,
    ...poster.paragraphs,
    `# ${headings.kiosk}`,
    `## ${kiosk.title}`,
    ...kiosk.paragraphs,
    ...(kiosk.purposes.length > 0
      ? [kiosk.purposes.map(({ name, says }) => `- ${polish(term(name, says))}`).join('\n')]
      : []),
    `# ${headings.record}`,
    ['| | |', '|---|---|', ...record.map(({ label, value }) => `| ${label} | ${value} |`)].join('\n'),
  ].join('\n\n');
}

function posterOf(config: Config, mode: Mode, words: Words): string[] {
  const { notice } = config.store;
  const counts = mode === 'off' ? [] : [words.object(words.gap('objection'))];
  return [
    words.controller(words.gap('controller')),
    ...(mode === 'identify' ? ofRecognition(config, words) : [words.nobodyRecognised]),
    ...(mode === 'identify' ? [words.strangers] : []),
    mode === 'off' ? words.notCounted : words.counted,
    ...ofExceptions(config, words),
    ...counts,
    ...(mode === 'off' ? [] : [words.rights]),
    words.contact(words.gap('contact')),
    ...(notice ? [words.notice(notice.id, notice.version)] : []),
  ];
}

function ofRecognition(config: Config, words: Words): string[] {
  const ways = waysOf(config).map((way) => words.ways[way]);
  const purposes = purposesInUse().map((purpose) => words.purposes[purpose].says);
  const channels = channelsOf(config).map((channel) => words.channels[channel]);
  return [
    ...(ways.length > 0 ? [words.recognisedBy(words.list(ways))] : []),
    words.purposesAre(purposes.join(words.separator)),
    words.withdraw(words.list(channels)),
    words.kept(config.retention.personalHours),
    received(config, words),
  ];
}

function received(config: Config, words: Words): string {
  const hosts = hostsOf(config, words);
  return hosts === undefined ? words.nobodyReceives : words.receivedBy(hosts);
}

function hostsOf({ uplinks }: Config, { list, gap }: Words): string | undefined {
  const hosts = uplinks.map(({ url }) => new URL(url).host);
  return hosts.length === 0 ? undefined : `${list(hosts)} ${gap('hosting')}`;
}

function ofExceptions(config: Config, words: Words): string[] {
  const exceptions = exceptionsOf(config);
  const named = (is: (one: (typeof exceptions)[number]) => boolean) =>
    exceptions.filter(is).map(({ zone }) => zone);
  const said = (zones: string[], say: (zones: string) => string) =>
    zones.length > 0 ? [say(words.list(zones))] : [];
  const isIdentify = modeOf(config) === 'identify';
  return [
    ...said(
      named(({ mode, sensitive }) => sensitive && mode === 'identify'),
      words.sensitive,
    ),
    ...said(
      named(({ mode }) => isIdentify && mode === 'anonymous'),
      words.onlyCounted,
    ),
    ...said(
      named(({ mode }) => modeOf(config) !== 'off' && mode === 'off'),
      words.untouched,
    ),
  ];
}

function kioskOf(config: Config, mode: Mode, language: Language, words: Words): Notice['kiosk'] {
  const { agree, refuse, held, leave } = words.kiosk;
  const title = words.polish(words.kioskTitle[mode]);
  if (mode !== 'identify') {
    return { title, paragraphs: [words.nobodyRecognised, leave].map(words.polish), purposes: [] };
  }
  const channels = channelsOf(config).map((channel) => words.channels[channel]);
  const paragraphs = [agree, refuse, words.withdraw(words.list(channels)), held].map(words.polish);
  const purposes = purposesInUse().map((purpose) => asked(purpose, language));
  return { title, paragraphs, purposes };
}

/** In the kiosk's own words: who reads the notice finds there what it says. */
function asked(purpose: Purpose, language: Language) {
  const { name, sentence } = PURPOSE_WORDS[purpose];
  return { purpose, name: name[language], says: sentence[language] };
}

function recordOf(config: Config, mode: Mode, words: Words): [RecordLabel, string][] {
  const { record, gap, separator } = words;
  // Lists come wherever their issuer is configured, whether this mode uses them or not.
  const unused = mode !== 'identify' && config.consents.issuerKeys.length > 0 ? record.unused : undefined;
  const together = (...parts: (string | undefined)[]) => parts.filter(Boolean).join(separator) || '-';
  return [
    ['name', `${record.name[mode]} (${config.store.id})`],
    ['controller', gap('controller')],
    ['officer', gap('officer')],
    ['purposes', together(...purposesOfRecord(mode, words))],
    ['basis', together(...basisOf(mode, unused !== undefined, words))],
    ['subjects', together(record.subjects[mode], unused?.subjects)],
    ['categories', together(record.categories[mode], unused?.categories)],
    ['recipients', hostsOf(config, words) ?? record.nobodyReceives],
    ['transfers', gap('transfers')],
    ['kept', together(...keptOf(config, mode, unused !== undefined, words))],
    ['security', record.security],
    ['assessment', gap('assessment')],
  ];
}

function purposesOfRecord(mode: Mode, { record, purposes }: Words): string[] {
  const agreedTo = mode === 'identify' ? purposesInUse().map((purpose) => purposes[purpose].name) : [];
  return mode === 'off' ? [] : [...agreedTo, record.counting];
}

function basisOf(mode: Mode, holdsLists: boolean, { record, gap }: Words): string[] {
  const { consent, counting, none } = record.basis;
  return [
    ...(mode === 'identify' || holdsLists ? [consent] : []),
    ...(mode === 'off' ? [] : [`${counting} ${gap('balancing')}`]),
    ...(mode === 'off' && !holdsLists ? [none] : []),
  ];
}

function keptOf(config: Config, mode: Mode, holdsLists: boolean, { record, gap }: Words): string[] {
  return [
    ...(mode === 'identify' ? [record.eventsKept(config.retention.personalHours)] : []),
    ...(mode === 'identify' || holdsLists ? [record.consentsKept, gap('proof')] : []),
    ...(mode === 'off' ? [] : [record.countsKept]),
  ];
}
