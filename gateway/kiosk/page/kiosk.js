import { WORDS } from './words.js';

/**
 * The kiosk: somebody shows a code, sees what is held, agrees or withdraws. Of a person it keeps only what
 * stands on the screen, and forgets that on leaving or when nobody has touched it for a while.
 */

const byId = (id) => document.getElementById(id);
const SECTIONS = ['ask', 'shown', 'told'];
const LANGUAGES = Object.keys(WORDS);

/** Where each conversation begins: `/kiosk#en` for a kiosk that speaks English first. */
const FIRST_LANGUAGE = LANGUAGES.find((one) => location.hash === `#${one}`) ?? 'fr';

let language = FIRST_LANGUAGE;
let notice;
let heard;
/** The person at the kiosk: the code shown and what the gateway answered. */
let person;
/** Draws the section on the screen again, in another language for example. */
let redraw = () => {};
let forgetting;
let asking = 0;

const words = () => WORDS[language];

byId('show').addEventListener('submit', (event) => {
  event.preventDefault();
  const code = byId('code').value.trim();
  byId('code').value = '';
  if (code !== '') look(code);
});
byId('choose').addEventListener('submit', (event) => {
  event.preventDefault();
  agree();
});
byId('withdraw').addEventListener('click', () => (person?.held ? withdraw() : refuse()));
byId('type').addEventListener('click', () => {
  byId('code').inputMode = 'text';
  byId('code').focus();
});
byId('purposes').addEventListener('change', () => {
  byId('hint').hidden = true;
  dependOnRecognition();
});
for (const button of document.querySelectorAll('[data-leave]')) button.addEventListener('click', forget);
for (const button of document.querySelectorAll('[data-language]')) {
  button.addEventListener('click', () => speak(button.dataset.language));
}
for (const touch of ['pointerdown', 'keydown']) document.addEventListener(touch, waitToForget);
// A scanner types like a keyboard: wherever the focus is, what it types is a code.
document.addEventListener('keydown', (event) => {
  const isTyping =
    event.key.length === 1 && event.key !== ' ' && !(event.ctrlKey || event.metaKey || event.altKey);
  if (!isTyping || document.activeElement === byId('code')) return;
  if (byId('ask').hidden) forget();
  byId('code').focus();
});

forget();
await hearNotice();
setInterval(hearNotice, 60_000);

async function hearNotice() {
  try {
    const answer = await fetch('/api/notice', { cache: 'no-store' });
    const said = answer.ok ? await answer.text() : heard;
    if (said === heard) return;
    heard = said;
    notice = JSON.parse(said);
    speak(language);
  } catch {
    // The sign keeps what it said last; requests tell that nobody answers.
  }
}

async function post(path, body) {
  const turn = ++asking;
  wait(true);
  try {
    const answer = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const said = await answer.json();
    // Whoever asked has left meanwhile: nothing of it may show.
    if (turn !== asking) return undefined;
    wait(false);
    if (answer.ok) return said;
    problem(said.error);
  } catch {
    if (turn !== asking) return undefined;
    wait(false);
    problem('other');
  }
  return undefined;
}

/** One touch, one request: nothing can be pressed twice. */
function wait(isWaiting) {
  byId('busy').textContent = isWaiting ? words().busy : '';
  document.querySelector('main').inert = isWaiting;
}

async function look(code) {
  const said = await post('/api/kiosk/look', { code });
  if (!said) return;
  if (!said.known) return tell(() => [words().strangerTitle, words().strangerText]);
  person = { code, ...said };
  drawPurposes(said.held?.purposes ?? []);
  show('shown', drawPerson);
}

async function agree() {
  const purposes = chosen();
  if (purposes.length === 0) {
    byId('hint').textContent = words().chooseOne;
    byId('hint').hidden = false;
    return;
  }
  const said = await post('/api/kiosk/grant', { code: person.code, purposes, language });
  if (!said) return;
  const { recordId, version, held } = said;
  tell(
    () => [words().grantedTitle, words().grantedText, words().record(recordId, version)],
    () => (held?.purposes ?? purposes).map((purpose) => nameOf(purpose)),
  );
}

async function withdraw() {
  const said = await post('/api/kiosk/withdraw', { code: person.code });
  if (!said) return;
  const { recordId, version } = said;
  tell(() => [words().withdrawnTitle, words().withdrawnText, words().record(recordId, version)]);
}

function refuse() {
  tell(() => [words().refusedTitle, words().refusedText]);
}

function problem(what) {
  tell(() => [words().problemTitle, words().problems[what] ?? words().problems.other]);
  byId('told').classList.add('wrong');
  redraw();
}

/** The end of a conversation: what was done, and nothing more of the person than that. */
function tell(text, list = () => []) {
  person = undefined;
  byId('told').classList.remove('wrong');
  show('told', () => {
    const [title, sentence, record = ''] = text();
    byId('told-title').textContent = title;
    byId('told-text').textContent = sentence;
    byId('told-record').textContent = record;
    byId('told-leave').textContent = byId('told').matches('.wrong') ? words().again : words().leave;
    byId('told-list').replaceChildren(...list().map((item) => element('li', {}, item)));
  });
  byId('purposes').replaceChildren();
}

function drawPerson() {
  const { held, canGrant } = person;
  byId('shown-title').textContent = held ? words().heldTitle : words().nothingTitle;
  byId('shown-facts').textContent = factsOf(person);
  byId('agree').textContent = words().agree;
  byId('withdraw').textContent = held ? words().withdraw : words().refuse;
  byId('agree').hidden = !canGrant;
  const ticked = canGrant ? chosen() : (held?.purposes ?? []);
  drawPurposes(ticked);
}

function factsOf({ held, canGrant, notice: shown }) {
  const closed = canGrant ? [] : [words().closed];
  if (!held) return [canGrant ? words().nothingLead : '', ...closed].join(' ').trim();
  const terms = [
    words().since(day(held.since)),
    ...(held.validUntil ? [words().until(day(held.validUntil))] : []),
    words().underNotice(held.noticeVersion),
  ];
  const isOld = shown && shown.version !== held.noticeVersion;
  return [`${terms.join(', ')}.`, ...(isOld ? [words().newNotice(shown.version)] : []), ...closed].join(' ');
}

function day(time) {
  return new Intl.DateTimeFormat(words().dates, { dateStyle: 'long' }).format(new Date(time));
}

/** One box for each purpose that is in use or held; none is ticked but what is held. */
function drawPurposes(ticked) {
  const asked = (notice?.purposes ?? []).filter(({ purpose, inUse }) => inUse || ticked.includes(purpose));
  const boxes = asked.map(({ purpose, name, sentence }) => {
    const box = element('input', { type: 'checkbox', value: purpose, id: `purpose-${purpose}` });
    box.checked = ticked.includes(purpose);
    const label = element(
      'label',
      { for: `purpose-${purpose}` },
      element('strong', {}, name[language]),
      element('span', {}, sentence[language]),
    );
    return element('div', { class: 'purpose' }, box, label);
  });
  byId('purposes').replaceChildren(...boxes);
  dependOnRecognition();
}

/** The others rest on recognition: without it they cannot be chosen, and nothing is ticked in silence. */
function dependOnRecognition() {
  const first = byId('purpose-recognition');
  for (const box of byId('purposes').querySelectorAll('input')) {
    if (!person?.canGrant) box.disabled = true;
    else if (box !== first) {
      box.disabled = !first?.checked;
      if (box.disabled) box.checked = false;
    }
  }
}

function chosen() {
  return [...byId('purposes').querySelectorAll('input:checked')].map(({ value }) => value);
}

function nameOf(purpose) {
  return notice?.purposes.find((one) => one.purpose === purpose)?.name[language] ?? purpose;
}

function show(section, draw) {
  redraw = draw;
  draw();
  for (const id of SECTIONS) byId(id).hidden = id !== section;
  byId('hint').hidden = true;
  window.scrollTo(0, 0);
  if (section === 'ask') byId('code').focus();
  else byId(section).querySelector('h1').focus();
  waitToForget();
}

/** Back to the beginning, with nobody there. */
function forget() {
  asking += 1;
  person = undefined;
  wait(false);
  byId('code').value = '';
  byId('code').inputMode = 'none';
  for (const id of ['shown-title', 'shown-facts', 'told-title', 'told-text', 'told-record']) {
    byId(id).textContent = '';
  }
  byId('purposes').replaceChildren();
  byId('told-list').replaceChildren();
  redraw = () => {};
  speak(FIRST_LANGUAGE);
  show('ask', () => {});
}

function waitToForget() {
  clearTimeout(forgetting);
  const isAnybody = byId('ask').hidden || byId('code').value !== '' || language !== FIRST_LANGUAGE;
  if (isAnybody) {
    forgetting = setTimeout(forget, Number(document.body.dataset.forgetAfterS) * 1_000);
  }
}

function speak(next) {
  language = next;
  document.documentElement.lang = language;
  document.title = words().title;
  for (const spot of document.querySelectorAll('[data-words]')) {
    spot.textContent = words()[spot.dataset.words];
  }
  for (const button of document.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset.language === language));
  }
  byId('mode').textContent = notice?.mode.words[language] ?? '';
  byId('mode').className = `mode ${notice?.mode.inForce ?? ''}`;
  const version = notice?.notice?.version;
  byId('notice-version').textContent = version === undefined ? '' : words().noticeVersion(version);
  redraw();
}

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
