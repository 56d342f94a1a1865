import type { Purpose } from '../consent-record.ts';

/** What shoppers read, in the languages that the gateway speaks. */
export const LANGUAGES = ['fr', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];
export type Words = Record<Language, string>;

/** Each purpose in one plain sentence (GDPR 12(1), 13(1)(c)). */
export const PURPOSE_WORDS: Record<Purpose, { name: Words; sentence: Words }> = {
  recognition: {
    name: { fr: 'Me reconnaître', en: 'Recognise me' },
    sentence: {
      fr: 'Le magasin sait que c’est vous quand vous entrez, et combien de temps vous restez.',
      en: 'The shop knows that it is you when you come in, and how long you stay.',
    },
  },
  location: {
    name: { fr: 'Savoir dans quel rayon je suis', en: 'Know which department I am in' },
    sentence: {
      fr: 'Le magasin sait dans quels rayons vous passez, et combien de temps vous y restez.',
      en: 'The shop knows which departments you pass through, and how long you stay there.',
    },
  },
  interaction: {
    name: { fr: 'Retenir ce que je prends en main', en: 'Remember what I pick up' },
    sentence: {
      fr: 'Un article pris ou reposé, un bouton pressé est lié à vous s’il n’y a pas d’autre personne reconnue à cet endroit.',
      en: 'An item taken or put back, or a button pressed, is linked to you where nobody else who is recognised could be meant.',
    },
  },
  personalisation: {
    name: { fr: 'Recevoir des offres pour moi', en: 'Get offers meant for me' },
    sentence: {
      fr: 'Le magasin choisit des offres d’après ce qu’il sait de vous.',
      en: 'The shop chooses offers by what it knows of you.',
    },
  },
  assistance: {
    name: { fr: 'Être aidé', en: 'Be helped' },
    sentence: {
      fr: 'Le magasin vous vient en aide dans l’application, sur un écran ou par son équipe.',
      en: 'The shop helps you in the app, on a display or through its staff.',
    },
  },
};

export const MODE_WORDS: Record<'off' | 'anonymous' | 'identify', Words> = {
  off: { fr: 'Rien n’est observé en ce moment.', en: 'Nothing is observed at the moment.' },
  anonymous: {
    fr: 'En ce moment, personne n’est reconnu. Les personnes présentes sont seulement comptées, et un nombre inférieur à dix n’est jamais donné.',
    en: 'Nobody is recognised at the moment. People present are only counted, and a number below ten is never given.',
  },
  identify: {
    fr: 'Les clients qui ont donné leur accord sont reconnus. Personne d’autre ne l’est.',
    en: 'Shoppers who agreed are recognised. Nobody else is.',
  },
};

/** What is kept here, for how long (GDPR 13(2)(a)). `hours` is how long an undelivered event waits. */
export function retentionWords(hours: number): { what: string; words: Words }[] {
  return [
    {
      what: 'strangers',
      words: {
        fr: 'De ceux qui n’ont pas donné leur accord, rien qui permette de les reconnaître n’est écrit. Pour compter, une adresse reste cinq minutes au plus en mémoire vive, brouillée par une clé tirée au hasard.',
        en: 'Of those who did not agree nothing is written down that could tell who they are. To count, an address stays in memory for five minutes at most, scrambled under a random key.',
      },
    },
    {
      what: 'events',
      words: {
        fr: `Ce que vous faites dans le magasin est effacé ici dès que la plateforme de l’enseigne l’a reçu, au plus tard après ${hours}\u00a0h.`,
        en: `What you do in the shop is deleted here once the retailer’s platform has received it, after ${hours}\u00a0h at the latest.`,
      },
    },
    {
      what: 'consent',
      words: {
        fr: 'Votre accord est gardé jusqu’à son terme ou son retrait. Après un retrait restent son numéro et l’heure, comme preuve.',
        en: 'Your agreement is kept until it ends or you withdraw it. After a withdrawal its number and the time remain, as proof.',
      },
    },
  ];
}

export type WithdrawalChannel = 'kiosk' | 'app' | 'check-in' | 'button';

/** How to withdraw by each channel (GDPR 7(3)). */
export const WITHDRAWAL_WORDS: Record<WithdrawalChannel, Words> = {
  kiosk: {
    fr: 'À la borne : montrez votre code, touchez « Tout retirer ».',
    en: 'At the kiosk: show your code, touch “Withdraw everything”.',
  },
  app: { fr: 'Dans l’application de l’enseigne.', en: 'In the retailer’s app.' },
  'check-in': {
    fr: 'Au lecteur marqué « Je retire mon accord » : montrez-y votre code.',
    en: 'At the reader marked “I withdraw”: show your code to it.',
  },
  button: {
    fr: 'Au bouton « Je retire mon accord » : montrez votre code au lecteur voisin, puis pressez.',
    en: 'By the button “I withdraw”: show your code to the reader beside it, then press.',
  },
};

export const RIGHTS_WORDS: Words = {
  fr: 'Accepter est libre, refuser ne change rien à vos achats. Vous pouvez retirer votre accord à tout moment, demander ce qui est gardé sur vous, le faire corriger, effacer ou transmettre, et saisir l’autorité de protection des données (en France, la CNIL).',
  en: 'Agreeing is free, refusing changes nothing about your shopping. You may withdraw at any time, ask what is held about you, have it corrected, erased or handed over, and complain to the data protection authority (in France, the CNIL).',
};

/** What no configuration knows (GDPR 13(1)(a), (b), (e), (f)). */
export const LAWYERS_GAP: Words = {
  fr: '[À compléter par votre juriste : nom, adresse et contact du responsable du traitement et du délégué à la protection des données ; destinataires ; transferts hors de l’Union.]',
  en: '[For your lawyer to fill in: name, address and contact of the controller and of the data protection officer; recipients; transfers outside the Union.]',
};
