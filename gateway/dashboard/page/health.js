import { ageOf, momentOf } from './times.js';

/* How the shop's box is, in a sentence: the worst first, each with what to do about it. */

const whole = new Intl.NumberFormat('en-GB');

/** Shares of the quota from which on something is given up (`outbox/room.ts`). */
const GIVES_UP = ['shedding', 'reserved', 'full'];
/** Events that wait longer than this while the other side answers are a backlog, ms. */
const BACKLOG = 5 * 60_000;

const eventsOf = (n) => (n === 1 ? '1 event' : `${whole.format(n)} events`);

/**
 * From the answer of `/api/status`, `{light, sentence, also, facts}`. `growthAnHour` is what
 * the store of events grows, octets, where that is known.
 */
export function healthOf(status, { shop, growthAnHour }) {
  const now = status.at;
  const zone = shop.timezone;
  const found = [
    ...diskTroubles(status),
    ...uplinkTroubles(status, now, zone, growthAnHour),
    ...recognitionTroubles(status, shop),
    ...radioTroubles(status),
    ...deviceTroubles(status),
    ...historyTroubles(status),
  ].sort((a, b) => rank(b.light) - rank(a.light));
  const [worst = { light: 'good', sentence: 'All good.' }, ...others] = found;
  return {
    light: worst.light,
    sentence: worst.sentence,
    also: others.map(({ sentence }) => sentence),
    facts: factsOf(status, now),
  };
}

const rank = (light) => ['good', 'attention', 'trouble'].indexOf(light);
const trouble = (sentence) => ({ light: 'trouble', sentence });
const attention = (sentence) => ({ light: 'attention', sentence });

function diskTroubles({ disk, outbox }) {
  if (disk?.failing)
    return [
      trouble(
        'The disk refuses: nothing new is taken. What was taken before is safe. Make room on the disk.',
      ),
    ];
  if (outbox.level === 'full')
    return [trouble('The store of events is full: nothing new is taken. Bring the central platform back.')];
  if (GIVES_UP.includes(outbox.level))
    return [
      trouble(
        'The store of events is nearly full: the oldest readings make room. Bring the central platform back.',
      ),
    ];
  return [];
}

function uplinkTroubles({ uplinks, outbox }, now, zone, growthAnHour) {
  const down = Object.entries(uplinks).filter(([, state]) => state && !state.connected);
  const found = [];
  if (down.length > 0) {
    const since = Math.min(...down.map(([, { lastSuccess }]) => lastSuccess ?? Number.NaN));
    const when = Number.isFinite(since) ? `since ${momentOf(since, now, zone)}` : 'since the start';
    const waiting = outbox.waiting === 0 ? 'no event waiting' : `${eventsOf(outbox.waiting)} waiting`;
    // From that share on the oldest readings go, which its own sentence says.
    const lost = GIVES_UP.includes(outbox.level) ? '' : `, nothing lost${roomFor(outbox, growthAnHour)}`;
    const sentence = `Central unreachable ${when}, ${waiting}${lost}.`;
    found.push(attention(`${sentence} Check this shop’s internet connection.`));
  } else if (outbox.oldestAt !== null && now - outbox.oldestAt > BACKLOG && Object.keys(uplinks).length > 0) {
    found.push(
      attention(
        `Catching up: ${eventsOf(outbox.waiting)} waiting, the oldest since ${momentOf(outbox.oldestAt, now, zone)}.`,
      ),
    );
  }
  if (outbox.dead > 0)
    found.push(
      attention(
        `${eventsOf(outbox.dead)} set aside, because the central platform refused ${outbox.dead === 1 ? 'it' : 'them'}: aisle outbox dead says why.`,
      ),
    );
  return found;
}

/** In hours, up to the share at which the first readings are given up. */
function roomFor({ bytes, limit }, growthAnHour) {
  if (!limit || !(growthAnHour > 0)) return '';
  const hours = Math.floor((limit * 0.85 - bytes) / growthAnHour);
  if (hours < 1) return ', space for less than an hour';
  return hours > 24 * 90 ? '' : `, space for ${whole.format(hours)} h`;
}

function recognitionTroubles({ recognises }, { mode }) {
  if (mode !== 'identify' || recognises.ok) return [];
  return [attention(`Nobody is recognised: ${recognises.reason ?? 'no reason told'}.`)];
}

function radioTroubles({ devices = {} }) {
  return Object.entries(devices).flatMap(([id, { radio, radioReason }]) => {
    if (radio === 'failed')
      return [attention(`The radio of ${id} does not work: ${radioReason ?? 'no reason told'}`)];
    if (radio === 'silent')
      return [attention(`The radio of ${id} hears nothing. Look at its antenna and adapter.`)];
    if (radio === 'off') return [attention(`The radio of ${id} is switched off.`)];
    return [];
  });
}

function deviceTroubles({ devices = {} }) {
  const ids = (is) => Object.keys(devices).filter((id) => is(devices[id]));
  const offline = ids(({ state }) => state === 'offline');
  const low = ids(({ lowBattery }) => lowBattery);
  const found = [];
  if (offline.length > 0)
    found.push(attention(`Not connected: ${offline.join(', ')}. Look at power and network.`));
  if (low.length > 0) found.push(attention(`Battery low: ${low.join(', ')}.`));
  return found;
}

function historyTroubles({ telemetry = [] }) {
  const names = {
    influxdb: 'InfluxDB takes no measurements',
    history: 'The history on this box is not kept',
  };
  return telemetry
    .filter(({ ok }) => !ok)
    .map(({ name, reason, waiting, dropped }) =>
      attention(
        `${names[name] ?? name}${reason ? `: ${reason}` : ''} (${whole.format(waiting)} waiting, ${whole.format(dropped)} given up). Events are not concerned.`,
      ),
    );
}

function factsOf({ uplinks, outbox, devices = {}, messages }, now) {
  const states = Object.values(uplinks).filter(Boolean);
  const last = Math.max(...states.map(({ lastSuccess }) => lastSuccess ?? Number.NEGATIVE_INFINITY));
  const isUp = states.every(({ connected }) => connected);
  const facts = [
    ['Central platform', states.length === 0 ? 'none set up' : isUp ? 'connected' : 'unreachable'],
    ['Last delivery', Number.isFinite(last) ? ageOf(now - last) : '–'],
    ['Waiting', eventsOf(outbox.waiting)],
    ['Storage', storageOf(outbox)],
    ['Messages from devices', whole.format(messages)],
  ];
  const radios = Object.entries(devices).filter(([, { radio }]) => radio !== undefined);
  for (const [id, { radio }] of radios) facts.push([`Radio ${id}`, RADIO[radio] ?? radio]);
  return facts;
}

const RADIO = {
  scanning: 'listens',
  starting: 'starts',
  silent: 'hears nothing',
  off: 'switched off',
  failed: 'does not work',
};

function storageOf({ bytes, limit }) {
  if (!limit) return sizeOf(bytes);
  const share = (100 * bytes) / limit;
  return `${share < 1 ? 'under 1' : Math.round(share)} % of ${sizeOf(limit)}`;
}

function sizeOf(octets) {
  const MIB = 1024 * 1024;
  if (octets < 1024 * MIB) return `${Math.round(octets / MIB)} MiB`;
  return `${(octets / 1024 / MIB).toFixed(1).replace('.0', '')} GiB`;
}
