import { K, ROUNDING } from '../pipeline/context/occupancy.ts';
import { gap } from './inventory.ts';
import type { Gap, Words } from './words.ts';

const GAPS: Record<Gap, string> = {
  controller: 'name and address of the controller',
  contact: 'how to reach you about personal data',
  officer: 'name and contact of the data protection officer',
  objection: 'how visitors object to being counted, before they are',
  balancing: 'the balancing test for counting',
  transfers: 'transfers outside the European Economic Area, and their safeguards',
  proof: 'how long the proof of consents is kept',
  assessment: 'date and outcome of the data protection impact assessment',
  hosting: 'who runs the profile store, as controller or processor',
};

export const english: Words = {
  gap: (what) => gap(GAPS[what]),
  polish: (text) => text,
  list: (items) => new Intl.ListFormat('en-GB').format(items),
  separator: '; ',
  term: (name, says) => `**${name}**: ${says}`,
  headings: { poster: 'Poster', kiosk: 'Kiosk', record: 'Record of processing (GDPR art. 30)' },
  posterTitle: {
    off: 'In this shop phones are neither counted nor recognised',
    anonymous: 'In this shop we count phones and recognise nobody',
    identify: 'In this shop we recognise you only if you agreed',
  },
  kioskTitle: {
    off: 'Nobody is recognised here',
    anonymous: 'Nobody is recognised here',
    identify: 'May we recognise you in this shop?',
  },
  controller: (name) => `Responsible for this processing: ${name}`,
  strangers: 'You agreed to nothing? Then your phone is neither recognised nor followed.',
  counted: `Phones are only counted: each radio address is replaced by a fingerprint under a key that is thrown away, and held in memory for at most five minutes; what remains is a number, rounded to ${ROUNDING}, and none below ${K}.`,
  notCounted: 'The signals of phones are not used, neither to count nor to recognise.',
  nobodyRecognised: 'Nobody is recognised or followed here, and no phone is known again.',
  recognisedBy: (ways) => `If you agreed, we recognise you in this shop by ${ways}.`,
  purposesAre: (purposes) => `Depending on what you agreed to, we learn: ${purposes}.`,
  ways: {
    app: 'the app, or the code that it shows',
    eid: 'a loyalty tag with a changing code',
    'rolling-token': 'a changing code that the app sends',
    ibeacon: 'a loyalty tag with a fixed code',
    wifi: "signing in to the shop's Wi-Fi",
    irk: 'your own device, paired beforehand',
  },
  purposes: {
    recognition: { name: 'recognition', says: 'that you are here, and for how long' },
    location: { name: 'location', says: 'which areas of the shop you are in' },
    interaction: { name: 'interaction', says: 'what you take, put back or ask for at a button' },
    personalisation: { name: 'personalisation', says: 'which offers suit you' },
    assistance: { name: 'assistance', says: 'that you would like help' },
  },
  sensitive: (zones) => `Nothing about you is ever recorded in: ${zones}.`,
  onlyCounted: (zones) => `Nobody is recognised in: ${zones}.`,
  untouched: (zones) => `Phones are neither counted nor recognised in: ${zones}.`,
  kept: (hours) =>
    `What concerns you is erased from this shop's device once it is delivered; what could not be delivered is erased after ${hours} hours.`,
  receivedBy: (who) => `It is received by ${who}.`,
  nobodyReceives: 'Nobody outside of this shop receives it.',
  withdraw: (channels) =>
    `You may take your agreement back at any time, as easily as you gave it: ${channels}. Recognition then stops at once, and what waits to be sent is erased.`,
  channels: {
    app: 'in the app',
    kiosk: 'at the kiosk',
    'check-in': 'at the reader, with your code',
    button: 'by the button beside it',
  },
  object: (how) => `You may object to being counted: ${how}`,
  rights:
    'You may ask for access to your data, have it corrected, erased or restricted, receive a copy of it, and complain to the supervisory authority.',
  contact: (who) => `Questions: ${who}`,
  notice: (id, version) => `Notice ${id}, version ${version}.`,
  kiosk: {
    agree:
      'Choose what you agree to. Each can be chosen without the others, except that all need recognition.',
    refuse: 'You need not agree to anything: nothing changes for you in this shop.',
    held: 'Show your code to see what you agreed to here.',
    leave: 'An agreement that you gave before can still be taken back here.',
  },
  record: {
    name: {
      off: 'Sensors in the shop, without personal data',
      anonymous: 'Anonymous counting of visitors in the shop',
      identify: 'Recognition of shoppers who agreed, and anonymous counting of visitors, in the shop',
    },
    labels: {
      name: 'Processing',
      controller: 'Controller',
      officer: 'Data protection officer',
      purposes: 'Purposes',
      basis: 'Legal basis',
      subjects: 'Data subjects',
      categories: 'Categories of data',
      recipients: 'Recipients',
      transfers: 'Transfers',
      kept: 'Erasure',
      security: 'Security',
      assessment: 'Impact assessment',
    },
    subjects: {
      off: 'none',
      anonymous: 'everybody near the shop with a phone that sends, for at most five minutes',
      identify:
        'shoppers who agreed; everybody near the shop with a phone that sends, for at most five minutes',
    },
    categories: {
      off: 'none: readings of shelves, buttons, thermostats and sensors',
      anonymous: 'radio addresses as fingerprints in memory; rounded counts',
      identify:
        'reference of the profile store, consent record, keys of recognition, visits, areas and stays, what was taken, put back or asked for; of everybody else radio addresses as fingerprints in memory, and rounded counts',
    },
    basis: {
      consent: 'consent (GDPR art. 6(1)(a); ePrivacy Directive art. 5(3))',
      counting: 'legitimate interest for counting (GDPR art. 6(1)(f))',
      none: 'not needed: no personal data',
    },
    counting: 'to know how busy the shop is',
    unused: {
      subjects: 'shoppers who agreed, as the profile store sends their consents here',
      categories: 'consent records and keys of recognition, held and not used in this mode',
    },
    nobodyReceives: 'none outside of the shop',
    eventsKept: (hours) => `events: once delivered; undelivered personal ones after ${hours} hours`,
    countsKept: 'addresses in memory: at most five minutes',
    consentsKept: 'consent records: until withdrawn or expired',
    security:
      "keys and personal data encrypted at rest (AES-256-GCM); each person's waiting events under a key of their own; signed consent lists; devices known by secrets of their own; a hash-chained audit",
  },
};
