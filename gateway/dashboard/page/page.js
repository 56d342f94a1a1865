import { createChart } from './chart.js';
import { CHARTS } from './charts.js';
import { element } from './element.js';
import { healthOf } from './health.js';
import { createRound, load } from './load.js';
import { RANGES } from './ranges.js';
import { ask, forgetToken, fromAddress, keepToken, NoAnswer, token, WrongToken } from './server.js';
import { momentOf, timeOf } from './times.js';

/* The page: who may see it, then a look at the gateway every ten seconds as long as somebody looks. */

const EVERY = 10_000;
const HOUR = 3_600_000;
const KEPT_RANGE = 'aisle.range';
const byId = (id) => document.getElementById(id);

let shop;
let charts = new Map();
let range = rangeOf(fromAddress().range) ?? rangeOf(sessionStorage.getItem(KEPT_RANGE)) ?? RANGES[1];
let timer;
/** Grows with each look, so that an answer to an earlier one is not shown over a later one. */
let looks = 0;
let lastAnswer;

begin();

function begin() {
  offerRanges();
  byId('token-form').addEventListener('submit', (event) => {
    event.preventDefault();
    keepToken(byId('token').value);
    byId('token').value = '';
    look();
  });
  document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : look()));
  addEventListener('hashchange', () => {
    choose(rangeOf(fromAddress().range) ?? range);
    look();
  });
  if (token() === '') askForToken('');
  else look();
}

function askForToken(problem) {
  clearTimeout(timer);
  forgetToken();
  // A new start may have another configuration.
  shop = undefined;
  lastAnswer = undefined;
  charts = new Map();
  byId('shop').hidden = true;
  byId('ask').hidden = false;
  byId('token-problem').textContent = problem;
  byId('token').focus();
}

async function look() {
  clearTimeout(timer);
  if (token() === '') return;
  looks += 1;
  const mine = looks;
  try {
    shop ??= await ask('/api/shop');
    const status = await ask('/api/status');
    if (mine !== looks) return;
    open();
    const round = createRound(status.at);
    const growth = growthOf(status, round);
    await drawCharts(round, mine);
    if (mine !== looks) return;
    showHealth(status, await growth);
    showSource(round, status.at);
    lastAnswer = { at: status.at, here: Date.now() };
    document.body.classList.remove('away');
  } catch (error) {
    if (mine !== looks) return;
    if (error instanceof WrongToken)
      return askForToken('This token is not the gateway’s, or from before its last start. Look it up again.');
    gatewayIsAway(error);
  }
  if (!document.hidden) timer = setTimeout(look, EVERY);
}

function open() {
  byId('ask').hidden = true;
  byId('shop').hidden = false;
  if (charts.size > 0) return;
  document.title = shop.store;
  byId('name').textContent = shop.store;
  const read = (text) => {
    byId('reader').textContent = text;
  };
  charts = new Map(CHARTS.map((spec) => [spec, createChart(spec, { shop, read })]));
  byId('charts').replaceChildren(...[...charts.values()].map(({ section }) => section));
}

/** Each as soon as it is there; one that fails says so in its own place. */
async function drawCharts(round, mine) {
  const draw = async ([spec, chart]) => {
    try {
      const data = await load(spec, { range, shop, round });
      if (mine === looks) chart.draw(data);
    } catch (error) {
      if (error instanceof WrongToken || error instanceof NoAnswer) throw error;
      chart.fail(`This cannot be shown at the moment: ${error.message}`);
    }
  };
  const outcomes = await Promise.allSettled([...charts].map(draw));
  const failed = outcomes.find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
}

/** What the store of events grew within the last hour, octets; asked for only where it matters. */
async function growthOf({ uplinks, at }, round) {
  if (Object.values(uplinks).every((state) => !state || state.connected)) return undefined;
  try {
    const of = { measurement: 'gateway', field: 'outbox_bytes' };
    const [line] = await round.series(of, { from: at - HOUR, to: at, stepS: 300 });
    const known = line?.points.filter(([, value]) => value !== null) ?? [];
    const [first, last] = [known.at(0), known.at(-1)];
    return first && last && last[0] > first[0]
      ? ((last[1] - first[1]) * HOUR) / (last[0] - first[0])
      : undefined;
  } catch {
    return undefined;
  }
}

const LIGHTS = { good: 'Good', attention: 'Needs a look', trouble: 'Trouble', unknown: 'Unknown' };

function showHealth(status, growthAnHour) {
  const { light, sentence, also, facts } = healthOf(status, { shop, growthAnHour });
  byId('health').dataset.light = light;
  byId('health').title = LIGHTS[light];
  // A reader that announces changes should not hear the same again.
  if (byId('sentence').textContent !== sentence) byId('sentence').textContent = sentence;
  byId('also').replaceChildren(...also.map((text) => element('li', {}, text)));
  byId('facts').replaceChildren(
    ...facts.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))),
  );
  byId('clock').textContent = `${timeOf(status.at, shop.timezone)} in the shop (${shop.timezone})`;
}

function showSource({ source, failed }) {
  const names = { influxdb: 'InfluxDB', history: 'the history on this box' };
  byId('source').textContent = source === undefined ? '' : `The charts come from ${names[source] ?? source}.`;
  const why = [...failed].map(([name, reason]) => `${names[name] ?? name} does not answer: ${reason}.`);
  if (why.length > 0 && source !== undefined)
    why.push(`The charts come from ${names[source] ?? source} instead.`);
  banner(why.join(' '));
}

function gatewayIsAway(error) {
  document.body.classList.add('away');
  byId('health').dataset.light = 'unknown';
  const text =
    error instanceof NoAnswer
      ? 'The gateway does not answer'
      : `The gateway answers with an error: ${error.message}`;
  if (lastAnswer === undefined) {
    byId('ask').hidden = true;
    byId('shop').hidden = false;
    byId('sentence').textContent = `${text}.`;
    return banner(
      'Nothing can be shown yet. It is asked again every ten seconds; see that its box has power.',
    );
  }
  const now = lastAnswer.at + Date.now() - lastAnswer.here;
  byId('sentence').textContent = `${text}.`;
  banner(
    `What stands here is from ${momentOf(lastAnswer.at, now, shop.timezone)}. It is asked again every ten seconds; see that its box has power.`,
  );
}

function banner(text) {
  byId('banner').hidden = text === '';
  if (byId('banner').textContent !== text) byId('banner').textContent = text;
}

function rangeOf(wanted) {
  return RANGES.find(({ id }) => id === wanted);
}

function choose(wanted) {
  range = wanted;
  sessionStorage.setItem(KEPT_RANGE, range.id);
  for (const input of byId('ranges').querySelectorAll('input')) input.checked = input.value === range.id;
}

function offerRanges() {
  const choices = RANGES.map(({ id, name }) => {
    const input = element('input', { type: 'radio', name: 'range', value: id, checked: id === range.id });
    return element('label', {}, input, element('span', {}, name));
  });
  byId('ranges').append(...choices);
  byId('ranges').addEventListener('change', ({ target }) => {
    choose(rangeOf(target.value));
    document.body.classList.add('busy');
    look().finally(() => document.body.classList.remove('busy'));
  });
}
