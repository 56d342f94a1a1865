/** The demo's page: draws the floor once, then follows `/api/live`. */

const SCALE = 50;
const SVG = 'http://www.w3.org/2000/svg';
const KEPT_LINES = 60;
/** Where a name stands, from its dot. */
const ABOVE = -25;
const BELOW = 42;
const COLOURS = ['#125e57', '#9a3b6a', '#1f5fa8', '#8a5200', '#5b3fa0', '#3d6b1f', '#a8352b', '#2b6777'];
const NUMBER = new Intl.NumberFormat('en');

const byId = (id) => document.getElementById(id);
const plan = byId('plan');
const people = new Map();
const fixtures = new Map();
let zoneNames = new Map();
let depth = 0;
let state;
let awaySince;

const colourOf = (ref) => COLOURS[(Number(ref.replace(/\D/g, '')) - 1) % COLOURS.length] ?? COLOURS[0];
const place = ([x, y]) => [x * SCALE, (depth - y) * SCALE];

start();

async function start() {
  const floor = await (await fetch('/api/plan')).json();
  depth = floor.size.depth;
  zoneNames = new Map(floor.zones.map(({ id, name }) => [id, name]));
  draw(floor);
  const live = new EventSource('/api/live');
  live.addEventListener('open', () => byId('feed').replaceChildren());
  live.addEventListener('state', ({ data }) => show(JSON.parse(data)));
  live.addEventListener('happened', ({ data }) => tell(JSON.parse(data)));
  live.addEventListener('error', () => {
    veil('The demo has ended', 'Start it again with npm run demo; this page finds it by itself.');
    for (const button of document.querySelectorAll('button')) button.disabled = true;
  });
}

function element(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

function text(x, y, content, className, anchor = 'start') {
  return element('text', { x, y, class: className, 'text-anchor': anchor }, content);
}

function draw({ size, zones, receivers, shelves, buttons, thermostats, door }) {
  const [width, height] = [size.width * SCALE, size.depth * SCALE];
  for (const { id, name, polygon } of zones) {
    const corners = polygon.map(place);
    plan.append(element('polygon', { points: corners.join(' '), class: `zone zone-${id}` }));
    const left = Math.min(...corners.map(([x]) => x));
    const top = Math.min(...corners.map(([, y]) => y));
    plan.append(text(left + 20, top + 42, name, 'zone-name'));
  }
  const [doorX] = place(door);
  const walls = `M${doorX - 55} ${height} H0 V0 H${width} V${height} H${doorX + 55}`;
  plan.append(
    element('path', { d: walls, class: 'wall' }),
    text(doorX, height + 8, 'door', 'small-label', 'middle'),
  );
  for (const { at } of receivers) {
    const [cx, cy] = place(at);
    plan.append(element('circle', { cx, cy, r: 15, class: 'receiver-ring' }));
    plan.append(element('circle', { cx, cy, r: 5, class: 'receiver-core' }));
  }
  for (const { id, at } of shelves) {
    const [x, y] = place(at);
    const box = element('rect', { x: x - 38, y: y - 14, width: 76, height: 28, rx: 5, class: 'shelf-box' });
    fixtures.set(id, box);
    plan.append(box, text(x, y + 36, id, 'small-label', 'middle'));
  }
  for (const { id, at } of buttons) {
    const [cx, cy] = place(at);
    const box = element('circle', { cx, cy, r: 12, class: 'button-box' });
    fixtures.set(id, box);
    plan.append(box, text(cx, cy + 34, id, 'small-label', 'middle'));
  }
  for (const { id, at } of thermostats) {
    const [x, y] = place(at);
    const box = element('path', {
      d: `M${x} ${y - 14} L${x + 14} ${y} L${x} ${y + 14} L${x - 14} ${y} Z`,
      class: 'thermostat-box',
    });
    fixtures.set(id, box);
    plan.append(box);
  }
}

function show(next) {
  const wasAway = state?.gateway === 'away';
  state = next;
  document.body.dataset.phase = state.phase;
  document.body.dataset.gateway = state.gateway;
  document.body.dataset.line = state.line;
  showState(wasAway);
  showPeople();
  showCensus();
  showRoad();
  showActions();
}

function showState(wasAway) {
  const { phase, gateway, line, enrolled } = state;
  byId('gateway-text').textContent = {
    starting: 'The gateway is starting',
    running: 'The gateway runs',
    away: 'The gateway is away',
  }[gateway];
  byId('line-text').textContent = line === 'cut' ? 'The line is cut' : 'The line is whole';
  if (phase === 'opening') {
    const progress = enrolled.of > 0 ? ` ${enrolled.count} of ${enrolled.of} devices have their secret.` : '';
    veil('The shop is opening', `The gateway starts, and each device gets a secret of its own.${progress}`);
  } else if (phase === 'closing')
    veil('The shop is closing', 'Devices say their last, everything drains and is counted.');
  else if (gateway === 'away')
    veil('The gateway is away', 'Devices keep what they have to say. It comes back by itself.');
  else unveil();
  if (gateway === 'away') awaySince ??= performance.now();
  else if (wasAway && awaySince !== undefined) {
    const seconds = ((performance.now() - awaySince) / 1000).toFixed(1);
    awaySince = undefined;
    outcome(`The gateway is back after ${seconds} s. Visits go on, and the counters become equal again.`);
  }
}

function veil(title, words) {
  byId('veil-title').textContent = title;
  if (byId('veil-text').textContent !== words) byId('veil-text').textContent = words;
  byId('veil').hidden = false;
  plan.parentElement.classList.add('is-veiled');
}

function unveil() {
  byId('veil').hidden = true;
  plan.parentElement.classList.remove('is-veiled');
}

function showPeople() {
  const here = new Set(state.people.map(({ ref }) => ref));
  for (const [ref, dot] of people) {
    if (here.has(ref)) continue;
    dot.classList.add('gone');
    people.delete(ref);
    setTimeout(() => dot.remove(), 600);
  }
  for (const { ref, x, y } of state.people) {
    const [left, top] = place([x, y]);
    const known = people.get(ref);
    const dot = known ?? personDot(ref);
    dot.style.transform = `translate(${left}px, ${top}px)`;
    dot.lastChild.setAttribute('y', isCrowded({ ref, x, y }) ? BELOW : ABOVE);
    if (known) continue;
    people.set(ref, dot);
    plan.append(dot);
    requestAnimationFrame(() => dot.classList.remove('new'));
  }
}

/** True where the name above would lie on somebody who stands close behind and is named above already. */
function isCrowded({ ref, x, y }) {
  return state.people.some(
    (other) => other.ref < ref && Math.abs(other.x - x) < 1.6 && Math.abs(other.y - y) < 1.4,
  );
}

function personDot(ref) {
  const dot = element('g', { class: 'person new' });
  dot.style.color = colourOf(ref);
  dot.append(
    element('circle', { r: 27, class: 'halo' }),
    element('circle', { r: 14, fill: 'currentColor' }),
    text(0, ABOVE, ref, '', 'middle'),
  );
  return dot;
}

function showCensus() {
  byId('known-count').textContent = String(state.people.length);
  const rows = state.people
    .toSorted((a, b) => a.ref.localeCompare(b.ref))
    .map(({ ref, zone }) => {
      const row = document.createElement('li');
      row.append(dotOf(ref), ref);
      const where = document.createElement('span');
      where.className = 'where';
      where.textContent = zoneNames.get(zone) ?? '';
      row.append(where);
      return row;
    });
  byId('known').replaceChildren(...rows);
  const isOpen = state.phase !== 'opening';
  const charts = byId('charts');
  charts.hidden = state.charts === null;
  if (state.charts !== null) charts.href = state.charts;
  const words = state.everybody === null;
  byId('everybody').textContent = words ? (isOpen ? 'fewer than 10' : '–') : `about ${state.everybody}`;
  byId('everybody').classList.toggle('words', words && isOpen);
}

function dotOf(ref) {
  const dot = document.createElement('span');
  dot.className = 'dot';
  if (ref) dot.style.color = colourOf(ref);
  return dot;
}

function showRoad() {
  const { events, presses, messages, line, gateway } = state;
  const { stored, taken, received, waiting, declared } = events;
  const numbers = {
    stored,
    taken,
    received,
    'presses-acked': presses.acked,
    'presses-received': presses.received,
    sent: messages.sent,
    acked: messages.acked,
  };
  for (const [id, value] of Object.entries(numbers)) byId(id).textContent = NUMBER.format(value);
  const isEqual = stored > 0 && stored === taken && taken === received;
  const waits = line === 'cut' || waiting > 0;
  const verdict = byId('verdict');
  verdict.className = `verdict ${isEqual ? 'equal' : waits ? 'waits' : ''}`;
  const removed = declared > 0 ? ` ${counted(declared)} removed before delivery, and declared.` : '';
  verdict.textContent = words({ isEqual, stored, received, waiting, line, gateway }) + removed;
  byId('feed-note').textContent =
    line === 'cut' ? 'The line is cut: the profile store hears nothing new until it is mended.' : '';
}

function words({ isEqual, stored, received, waiting, line, gateway }) {
  if (stored === 0) return 'Nothing has been stored yet.';
  if (gateway === 'away') return 'What was acknowledged is on its disk. Counting goes on when it is back.';
  if (line === 'cut')
    return `The line is cut: ${counted(waiting)} ${waiting === 1 ? 'waits' : 'wait'} on disk.`;
  if (isEqual) return 'Equal: all that was stored has arrived.';
  const onTheWay = Math.max(waiting, stored - received);
  return onTheWay > 0 ? `${counted(onTheWay)} on the way.` : 'Everything arrives as it is stored.';
}

function counted(count) {
  return `${NUMBER.format(count)} ${count === 1 ? 'event' : 'events'}`;
}

function showActions() {
  const isOpen = state.phase === 'open';
  const runs = isOpen && state.gateway === 'running';
  byId('withdraw').disabled =
    !runs || state.consenting.length === 0 || byId('withdraw').dataset.busy === 'true';
  byId('whose').disabled = byId('withdraw').disabled;
  byId('kill').disabled = !runs;
  byId('who').disabled = !isOpen || byId('who').dataset.busy === 'true';
  const cut = byId('cut');
  const isCut = state.line === 'cut';
  cut.disabled = !isOpen;
  cut.textContent = isCut ? 'Mend the line' : 'Cut the line';
  cut.classList.toggle('is-cut', isCut);
  const whose = byId('whose');
  const wanted = ['', ...state.consenting];
  if (wanted.join() === [...whose.options].map(({ value }) => value).join()) return;
  const chosen = whose.value;
  whose.replaceChildren(...wanted.map((ref) => new Option(ref || 'anybody', ref)));
  whose.value = wanted.includes(chosen) ? chosen : '';
}

function tell({ at, about, text: words, ref, device }) {
  const row = document.createElement('li');
  row.className = `about-${about} fresh`;
  const time = document.createElement('time');
  const when = new Date(at);
  time.dateTime = when.toISOString();
  time.textContent = when.toLocaleTimeString('en-GB');
  const said = document.createElement('span');
  said.textContent = words;
  row.append(dotOf(about === 'person' ? ref : undefined), said, time);
  const feed = byId('feed');
  feed.prepend(row);
  while (feed.children.length > KEPT_LINES) feed.lastElementChild.remove();
  flash(fixtures.get(device));
}

function flash(fixture) {
  if (!fixture) return;
  fixture.classList.remove('flash');
  requestAnimationFrame(() => requestAnimationFrame(() => fixture.classList.add('flash')));
}

function outcome(words) {
  byId('outcome').textContent = words;
}

async function act(path, body) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body ?? {}),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

/** Runs an action at a button; what goes wrong is said where the outcome is. */
function on(id, work) {
  const button = byId(id);
  button.addEventListener('click', async () => {
    button.dataset.busy = 'true';
    try {
      await work();
    } catch (error) {
      outcome(`That did not work: ${error.message}.`);
    }
    button.dataset.busy = 'false';
  });
}

on('withdraw', async () => {
  const ref = byId('whose').value || undefined;
  outcome('A signed withdrawal is on its way to the shop.');
  const { ref: gone, before, after, isGone } = await act('/api/withdraw', { ref });
  if (!isGone) outcome(`${gone} has withdrawn; the gateway has not confirmed it yet.`);
  else
    outcome(
      `${gone} has withdrawn and is gone. Of ${gone}’s events ${before ?? 'some'} waited before, ${after ?? 0} wait now.${before === 0 ? ' Cut the line first to see some wait.' : ''}`,
    );
});

on('cut', async () => {
  const isCut = state?.line === 'cut';
  await act(isCut ? '/api/mend' : '/api/cut');
  outcome(
    isCut
      ? 'The line is mended; what waited goes out now.'
      : 'The line is cut. Events wait on the box’s disk, and devices are still acknowledged.',
  );
});

on('kill', async () => {
  const { pid } = await act('/api/kill');
  outcome(
    pid === null
      ? 'The gateway was away already.'
      : `kill -9 ${pid}: the gateway is dead. Its supervisor starts it again.`,
  );
});

on('who', async () => {
  outcome('Looking through every byte.');
  const { isFound, searched, found } = await act('/api/who');
  if (!isFound) return outcome('There is no stranger in the shop right now.');
  const size = `${NUMBER.format(searched.files)} files, ${(searched.octets / 1e6).toFixed(1)} MB`;
  outcome(
    found === 0
      ? `We do not know, and kept nothing. ${size} searched: not a byte of theirs. The terminal has their addresses and the grep commands, for you to look yourself.`
      : `We do not know who, but something of them was kept in ${found} places. That must not be: the terminal says where.`,
  );
});
