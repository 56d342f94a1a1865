import type { Notice } from './notice.ts';
import { LANGUAGES, type Language } from './words.ts';

const TITLES = {
  title: { fr: 'Ce que ce magasin observe', en: 'What this shop observes' },
  why: { fr: 'Raison technique\u00a0:', en: 'Technical reason:' },
  purposes: {
    fr: 'Ce à quoi vous pouvez dire oui ou non, un par un',
    en: 'What you may say yes or no to, one by one',
  },
  withdraw: { fr: 'Retirer votre accord', en: 'Withdrawing' },
  kept: { fr: 'Ce qui est gardé', en: 'What is kept' },
  rights: { fr: 'Vos droits', en: 'Your rights' },
  controller: { fr: 'Responsable', en: 'Who is responsible' },
  notice: { fr: 'Notice', en: 'Notice' },
  version: { fr: 'version', en: 'version' },
  none: {
    fr: 'Aucune notice n’est configurée : personne n’est reconnu.',
    en: 'No notice is configured: nobody is recognised.',
  },
  shop: { fr: 'Magasin', en: 'Shop' },
  kiosk: { fr: 'Voir ou changer mon accord', en: 'See or change my agreement' },
} as const satisfies Record<string, Record<Language, string>>;

/** The notice as a page for a sign or behind a QR code: no script, every language below the other (R28). */
export function noticePage(notice: Notice): string {
  const spoken = LANGUAGES.filter((language) => notice.notice?.languages.includes(language) ?? true);
  const shown = spoken.length > 0 ? spoken : LANGUAGES;
  const [first] = shown;
  const links = shown.map((language) => `<a href="#${language}" lang="${language}">${NAMES[language]}</a>`);
  return `<!doctype html>
<html lang="${first}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(TITLES.title[first ?? 'en'])}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/kiosk/kiosk.css">
</head>
<body class="notice">
${shown.length > 1 ? `<nav aria-label="${shown.map((language) => LANGUAGE_LABEL[language]).join(' / ')}">${links.join('')}</nav>` : ''}
${shown.map((language) => section(notice, language)).join('\n')}
</body>
</html>
`;
}

const NAMES: Record<Language, string> = { fr: 'Français', en: 'English' };
const LANGUAGE_LABEL: Record<Language, string> = { fr: 'Langue', en: 'Language' };

function section(notice: Notice, language: Language): string {
  const say = (name: keyof typeof TITLES) => text(TITLES[name][language]);
  const { mode } = notice;
  const inUse = notice.purposes.filter((purpose) => purpose.inUse);
  const purposes = inUse.map(
    ({ name, sentence }) => `<div><dt>${text(name[language])}</dt><dd>${text(sentence[language])}</dd></div>`,
  );
  const ways = notice.withdrawal.map(({ words, zones }) => {
    const where = zones.length > 0 ? ` <span class="where">${text(zones.join(', '))}</span>` : '';
    return `<li>${text(words[language])}${where}</li>`;
  });
  const kept = notice.retention.map(({ words }) => `<li>${text(words[language])}</li>`);
  const id = notice.notice
    ? `${say('notice')} ${text(notice.notice.id)}, ${say('version')} ${text(notice.notice.version)}`
    : say('none');
  const shop = `${say('shop')} ${text(notice.storeId)}`;
  return `<main id="${language}" lang="${language}">
<h1>${say('title')}</h1>
<p class="mode ${mode.inForce}">${text(mode.words[language])}</p>
${mode.reason === null ? '' : `<p class="reason">${say('why')} <span lang="en">${text(mode.reason)}</span></p>`}
<h2>${say('purposes')}</h2>
<dl>${purposes.join('\n')}</dl>
<h2>${say('withdraw')}</h2>
<ul>${ways.join('\n')}</ul>
<p><a class="button" href="/kiosk#${language}">${say('kiosk')}</a></p>
<h2>${say('kept')}</h2>
<ul>${kept.join('\n')}</ul>
<h2>${say('rights')}</h2>
<p>${text(notice.rights[language])}</p>
<h2>${say('controller')}</h2>
<p class="gap">${text(notice.controller.words[language])}</p>
<footer><p>${id}</p><p>${shop}</p></footer>
</main>`;
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function text(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
