import { K, ROUNDING } from '../pipeline/context/occupancy.ts';
import type { Gap, Words } from './words.ts';

const GAPS: Record<Gap, string> = {
  controller: 'nom et adresse du responsable du traitement',
  contact: 'comment vous joindre au sujet des données personnelles',
  officer: 'nom et coordonnées du délégué à la protection des données',
  objection: 'comment les visiteurs s’opposent au comptage avant qu’il ait lieu',
  balancing: 'la mise en balance des intérêts pour le comptage',
  transfers: 'transferts hors de l’Espace économique européen et garanties',
  proof: 'durée de conservation de la preuve des consentements',
  assessment: 'date et conclusion de l’analyse d’impact (AIPD)',
  hosting: 'qui exploite la base de profils, comme responsable ou sous-traitant',
};

export const french: Words = {
  gap: (what) => `[à compléter par le responsable du traitement : ${GAPS[what]}]`,
  // A space that does not break before double punctuation and inside of quotation marks.
  polish: (text) => text.replace(/ (?=[:;?!»])/g, '\u00a0').replace(/« /g, '«\u00a0'),
  list: (items) => new Intl.ListFormat('fr-FR').format(items),
  separator: ' ; ',
  term: (name, says) => `**${name}** : ${says}`,
  headings: {
    poster: 'Affiche',
    kiosk: 'Borne',
    record: 'Registre des activités de traitement (RGPD, art. 30)',
  },
  posterTitle: {
    off: 'Dans ce magasin, les téléphones ne sont ni comptés ni reconnus',
    anonymous: 'Dans ce magasin, nous comptons les téléphones et ne reconnaissons personne',
    identify: 'Dans ce magasin, nous ne vous reconnaissons que si vous l’avez accepté',
  },
  kioskTitle: {
    off: 'Personne n’est reconnu ici',
    anonymous: 'Personne n’est reconnu ici',
    identify: 'Acceptez-vous d’être reconnu dans ce magasin ?',
  },
  controller: (name) => `Responsable de ce traitement : ${name}`,
  strangers: 'Vous n’avez rien accepté ? Votre téléphone n’est alors ni reconnu ni suivi.',
  counted: `Les téléphones sont seulement comptés : l’adresse radio de chacun est remplacée par une empreinte, calculée avec une clé qui est ensuite détruite, et n’est gardée en mémoire que cinq minutes au plus ; il n’en reste qu’un nombre, arrondi à ${ROUNDING} près, et aucun en dessous de ${K}.`,
  notCounted: 'Les signaux des téléphones ne servent ni à compter ni à reconnaître.',
  nobodyRecognised:
    'Personne n’est reconnu ni suivi ici, et aucun téléphone n’est reconnu d’une visite à l’autre.',
  recognisedBy: (ways) =>
    `Si vous l’avez accepté, nous vous reconnaissons dans ce magasin par l’un de ces moyens : ${ways}.`,
  purposesAre: (purposes) => `Selon ce que vous avez accepté, nous savons : ${purposes}.`,
  ways: {
    app: 'l’application ou le code qu’elle affiche',
    eid: 'un badge de fidélité au code changeant',
    'rolling-token': 'un code changeant émis par l’application',
    ibeacon: 'un badge de fidélité au code fixe',
    wifi: 'la connexion au Wi-Fi du magasin avec votre compte',
    irk: 'votre propre appareil, appairé au préalable',
  },
  purposes: {
    recognition: { name: 'reconnaissance', says: 'que vous êtes là, et combien de temps' },
    location: { name: 'localisation', says: 'dans quels rayons vous vous trouvez' },
    interaction: {
      name: 'interaction',
      says: 'ce que vous prenez, reposez ou demandez à l’aide d’un bouton',
    },
    personalisation: { name: 'personnalisation', says: 'quelles offres vous conviennent' },
    assistance: { name: 'assistance', says: 'que vous souhaitez de l’aide' },
  },
  sensitive: (zones) => `Rien de ce qui vous concerne n’est jamais relevé dans : ${zones}.`,
  onlyCounted: (zones) => `Personne n’est reconnu dans : ${zones}.`,
  untouched: (zones) => `Les téléphones ne sont ni comptés ni reconnus dans : ${zones}.`,
  kept: (hours) =>
    `Ce qui vous concerne est effacé du boîtier du magasin dès sa transmission ; ce qui n’a pu être transmis est effacé au bout de ${hours} heures.`,
  receivedBy: (who) => `Destinataire : ${who}.`,
  nobodyReceives: 'Personne en dehors de ce magasin ne le reçoit.',
  withdraw: (channels) =>
    `Vous pouvez retirer votre accord à tout moment, aussi simplement que vous l’avez donné : ${channels}. La reconnaissance cesse aussitôt, et ce qui attend d’être transmis est effacé.`,
  channels: {
    app: 'dans l’application',
    kiosk: 'à la borne',
    'check-in': 'au lecteur, avec votre code',
    button: 'par le bouton à côté',
  },
  object: (how) => `Vous pouvez vous opposer au comptage : ${how}`,
  rights:
    'Vous pouvez demander l’accès à vos données, leur rectification, leur effacement, la limitation de leur traitement et leur portabilité, et introduire une réclamation auprès de l’autorité de contrôle (en France, la CNIL, www.cnil.fr).',
  contact: (who) => `Vos questions : ${who}`,
  notice: (id, version) => `Notice d’information ${id}, version ${version}.`,
  kiosk: {
    agree:
      'Choisissez ce que vous acceptez. Chaque finalité se choisit indépendamment des autres ; toutes supposent seulement la reconnaissance.',
    refuse: 'Rien ne vous oblige à accepter : sans accord, rien ne change pour vous dans ce magasin.',
    held: 'Présentez votre code pour voir ce que vous avez accepté ici.',
    leave: 'Un accord donné auparavant peut toujours être retiré ici.',
  },
  record: {
    name: {
      off: 'Capteurs du magasin, sans données personnelles',
      anonymous: 'Comptage anonyme des visiteurs du magasin',
      identify: 'Reconnaissance des clients qui l’ont acceptée et comptage anonyme des visiteurs du magasin',
    },
    labels: {
      name: 'Traitement',
      controller: 'Responsable du traitement',
      officer: 'Délégué à la protection des données',
      purposes: 'Finalités',
      basis: 'Base légale',
      subjects: 'Personnes concernées',
      categories: 'Catégories de données',
      recipients: 'Destinataires',
      transfers: 'Transferts',
      kept: 'Délais d’effacement',
      security: 'Mesures de sécurité',
      assessment: 'Analyse d’impact',
    },
    subjects: {
      off: 'aucune',
      anonymous: 'toute personne à proximité dont le téléphone émet, pendant cinq minutes au plus',
      identify:
        'les clients qui l’ont accepté ; toute personne à proximité dont le téléphone émet, pendant cinq minutes au plus',
    },
    categories: {
      off: 'aucune : mesures d’étagères, de boutons, de thermostats et de capteurs',
      anonymous: 'adresses radio sous forme d’empreintes en mémoire ; nombres arrondis',
      identify:
        'référence de la base de profils, consentement, clés de reconnaissance, visites, rayons et durées, articles pris, reposés ou aide demandée ; pour toute autre personne, adresses radio sous forme d’empreintes en mémoire et nombres arrondis',
    },
    basis: {
      consent: 'consentement (RGPD, art. 6, § 1, a) ; loi Informatique et Libertés, art. 82)',
      counting: 'intérêt légitime pour le comptage (RGPD, art. 6, § 1, f)',
      none: 'sans objet : aucune donnée personnelle',
    },
    counting: 'connaître la fréquentation du magasin',
    unused: {
      subjects: 'les clients qui ont donné leur accord, dont la base de profils transmet ici le consentement',
      categories: 'consentements et clés de reconnaissance, conservés sans être utilisés dans ce mode',
    },
    nobodyReceives: 'aucun en dehors du magasin',
    eventsKept: (hours) =>
      `événements : dès leur transmission ; événements personnels non transmis : au bout de ${hours} heures`,
    countsKept: 'adresses en mémoire : cinq minutes au plus',
    consentsKept: 'consentements : jusqu’au retrait ou à l’échéance',
    security:
      'clés et données personnelles chiffrées au repos (AES-256-GCM) ; événements en attente chiffrés sous une clé propre à chaque personne ; listes de consentements signées ; appareils authentifiés par un secret propre ; journal d’audit chaîné par empreintes',
  },
};
