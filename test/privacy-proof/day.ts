import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { frameSieve } from '../../devices/frame-sieve.ts';
import { filesBelow } from '../../firmware-sim/demo/privacy-search.ts';
import { addDevices } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { bridged, signIns } from './bridge.ts';
import { type Central, openCentral } from './central.ts';
import { type Clients, connectDevices } from './clients.ts';
import { type GatewayChild, startGatewayChild } from './gateway-child.ts';
import { type Attempt, attemptOf, badButton, sayAndLeave, WAYS_IN } from './hostile.ts';
import { type RecordingLine, recordingLine } from './line.ts';
import { type Mark, octetMark } from './marks.ts';
import { type Day, isStranger, type Person, peopleOfTheDay } from './people.ts';
import {
  APP,
  BAD_BUTTON,
  BEACON,
  BRIDGE,
  BRIDGE_BRANCH,
  BUTTON,
  CEILINGS,
  CLIMATE,
  DEVICES,
  PARTS,
  READER,
  SIEVED,
  shopConfig,
  WIFI,
} from './plan.ts';
import { copyMemory, coreLimit } from './process-memory.ts';
import { markedRandom } from './random.ts';
import { type Frame, type Minute, scheduleOf } from './schedule.ts';
import { createSearch, type Finding, type Search } from './search.ts';
import { openSeriesStore, type SeriesStore, seriesQuestions } from './series.ts';

export interface DayOptions {
  strangers: number;
  advertisements: number;
  seed: number;
  /** Of the simulated day; noon is in the middle. */
  hours: number;
  /** Whether the memory of the process is read, freed memory and all. */
  memory: boolean;
  /** Ends the day early, with an error. */
  ended: AbortSignal;
}

export interface DayResult {
  hoursSimulated: number;
  findings: Finding[];
  bytesSearched: number;
  /** Personal events at the profile store, and those of them that tell a place without `location`. */
  personalEvents: number;
  placesTold: number;
  /** What the sieve let through of frames that can be nobody's key. */
  sieve: { heard: number; passed: number; distinct: number; counted: number };
  /** Points in the time series; nothing where there are none. */
  points: number | undefined;
  /** HTTP answers that there are, and those that are not built yet. */
  answered: string[];
  absent: string[];
  /** Not criteria: freed memory keeps what was in it until it is used again. */
  residue: { buffers: number; process: number | 'not permitted' | 'not read' };
  coreLimit: string;
}

const OPENS_AT = Date.UTC(2026, 2, 10, 8);
const MINUTE = 60_000;
/** Contract: 100 frames a message. */
const FRAMES_A_MESSAGE = 100;
/** R3, R18: nothing of a stranger is in memory after this. */
const FORGOTTEN_AFTER = 5 * MINUTE;
/** What the gateway answers to anybody, or to who has the page's token. */
const ANSWERS = [
  ...['/healthz', '/livez', '/readyz', '/metrics', '/notice', '/api/notice', '/kiosk'],
  ...['/', '/api/shop', '/api/status', ...seriesQuestions(OPENS_AT)],
];
/** Two ticks of the gateway. */
const SETTLE_MS = 2_300;
const CLOSE_MS = 5_000;

/** One day of the shop, and the search of everything that it left. `folder` is empty and its owner's alone. */
export async function simulateDay(
  folder: string,
  options: DayOptions,
  say: (text: string) => void,
): Promise<DayResult> {
  const minutes = Math.round(options.hours * 60);
  const day: Day = { opensAt: OPENS_AT, minutes, noon: Math.floor(minutes / 2) };
  const people = peopleOfTheDay(options.seed, options.strangers, day);
  const shop = await openShop(folder, day.opensAt);
  try {
    return await liveThrough(shop, people, day, options, say);
  } finally {
    await shop.close();
  }
}

interface Shop {
  folder: string;
  data: string;
  logs: string;
  central: Central;
  series: SeriesStore | undefined;
  gateway: GatewayChild;
  line: RecordingLine;
  clients: Clients;
  secret: (device: string) => string;
  close(): Promise<void>;
}

async function openShop(folder: string, opensAt: number): Promise<Shop> {
  const [data, logs, centre, said] = ['data', 'logs', 'central', 'said'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  for (const each of [logs, centre, said]) mkdirSync(each, { mode: 0o700 });
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    // A server that a signal ended beside us never says goodbye: nobody waits for it for ever.
    for (const closer of closers.splice(0).reverse()) {
      await Promise.race([closer().catch(() => {}), pause(CLOSE_MS)]);
    }
  };
  try {
    const central = await openCentral(centre);
    closers.push(() => central.close());
    const series = await openSeriesStore(join(said, 'to-influxdb'));
    closers.push(async () => series?.close());
    const config = join(folder, 'aisle.yaml');
    const { issuerKey, uplinks } = central;
    writeFileSync(config, JSON.stringify(shopConfig(data, issuerKey, uplinks, series?.settings)));
    const issued = addDevices(readConfig(config), DEVICES, opensAt);
    const secrets = new Map(issued.map(({ id, secret }) => [id, secret]));
    const gateway = await startGatewayChild(config, logs, opensAt);
    closers.push(() => gateway.kill());
    const line = await recordingLine(gateway.mqtt, join(said, 'to-devices'), 'far');
    closers.push(() => line.close());
    const connected = new Map([...secrets].filter(([id]) => id !== BAD_BUTTON));
    const clients = await connectDevices(line.port, connected, APP);
    closers.push(() => clients.close());
    const secret = (device: string) => secrets.get(device) ?? '';
    return { folder, data, logs, central, series, gateway, line, clients, secret, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function liveThrough(
  shop: Shop,
  people: readonly Person[],
  day: Day,
  options: DayOptions,
  say: (text: string) => void,
): Promise<DayResult> {
  const { gateway, clients, central } = shop;
  const random = markedRandom(options.seed, 'hostile');
  const attempts = Array.from({ length: Math.max(2 * WAYS_IN, Math.round(options.strangers / 50)) }, (_, i) =>
    attemptOf(i, random),
  );
  const phones = phonesOf(people, random);
  const marks = [...people, ...attempts, ...phones].flatMap((one) => one.marks);
  const search = createSearch(marks);
  say(`${people.length} people, ${marks.length} marks`);
  const limit = coreLimit(gateway.pid);
  const schedule = scheduleOf(people, day, options);
  const air = ownRadio(shop);
  const answers = answerBook(shop);
  const at = (minute: number) => day.opensAt + minute * MINUTE;
  const consents = people.flatMap(({ consent }) => consent ?? []);
  const withdrawing = people.flatMap(({ kind, consent }) => (kind === 'withdrawn at noon' && consent) || []);
  await central.giveConsents(consents, at(0));
  await until(async () => (await status(shop)).recognises.ok, 'the consents');

  /** Where the broker does not know the bridge's topics yet, the dialect is absent. */
  const greeting = [BRIDGE, `${BRIDGE_BRANCH}/LWT`, 'online'] as const;
  const hasBridge = DEVICES.includes(BRIDGE) && (await clients.dare(...greeting));
  /** Those who try something at the doors take their time. */
  const underway: Promise<void>[] = [];
  let cut: Cut | undefined;
  for (let minute = 0; minute < day.minutes; minute += 1) {
    options.ended.throwIfAborted();
    await gateway.setWall(at(minute));
    if (minute === day.noon) {
      await central.withdraw(withdrawing, at(minute));
      await central.erase(erasedOf(withdrawing), at(minute));
      await until(() => hasTaken(shop, 2 + erasedOf(withdrawing).length), 'the withdrawals');
      // What the gateway does with them is done within a second (R6).
      await gateway.setWall(at(minute) + 1_001);
      await pause(1_001);
      cut = cutOf(shop, answers.octets());
      searchDisk(shop, search, true);
    }
    const heard = schedule.minute(minute);
    const work = [...sayMinute(shop, heard, minute, hasBridge), ...air.hear(heard.sieved, minute)];
    for (const attempt of share(attempts, minute, day.minutes)) underway.push(attemptIt(shop, attempt));
    for (const { clientId, token } of share(phones, minute, day.minutes)) {
      work.push(clients.phone(clientId, ranged(token)));
    }
    if (minute % 10 === 0) work.push(...deviceTalk(clients, minute));
    await Promise.all(work);
    if (minute % 60 === 59) {
      await Promise.all(underway.splice(0));
      await answers.ask();
      searchDisk(shop, search, cut !== undefined);
      say(`${(minute + 1) / 60} h of ${options.hours}, ${Math.round(search.searched() / 1e6)} MB searched`);
    }
  }
  await Promise.all(underway);
  return afterwards({ hasBridge, shop, day, people, search, marks, cut, answers, air, limit, options, say });
}

/** What receivers, the bridge, the Wi-Fi and apps say of one minute. */
function sayMinute(shop: Shop, heard: Minute, minute: number, hasBridge: boolean): Promise<void>[] {
  const { clients } = shop;
  const stations = PARTS['Wi-Fi sessions'] ? heard.signedIn : [];
  return [
    ...[...heard.frames].flatMap(([receiver, frames]) => sendFrames(clients, receiver, frames)),
    ...(hasBridge ? heard.bridged.map(bridged) : []).map(({ topic, payload }) =>
      clients.publish(BRIDGE, topic, payload),
    ),
    ...stations
      .flatMap((station) => signIns(station, minute % 5 === 0))
      .map(({ message, payload }) => clients.say(WIFI, message, payload)),
    ...heard.reports.map((token, i) => reportRanged(shop, token, i)),
  ];
}

/** Five minutes without anybody, and the search of all that is left. */
async function afterwards(parts: {
  hasBridge: boolean;
  shop: Shop;
  day: Day;
  people: readonly Person[];
  search: Search;
  marks: readonly Mark[];
  cut: Cut | undefined;
  answers: AnswerBook;
  air: OwnRadio;
  limit: string;
  options: DayOptions;
  say: (text: string) => void;
}): Promise<DayResult> {
  const { shop, day, search, cut, answers, options } = parts;
  const { gateway, clients, central, folder } = shop;
  const end = day.opensAt + day.minutes * MINUTE;
  // Devices go on talking as they do all day; of people nothing is heard any more.
  for (let ms = 0; ms <= FORGOTTEN_AFTER + 2_000; ms += 30_000) {
    await gateway.setWall(end + Math.min(ms, FORGOTTEN_AFTER + 2_000));
    await Promise.all(deviceTalk(clients, ms));
  }
  await gateway.setWall(end + FORGOTTEN_AFTER + 2_000);
  await pause(SETTLE_MS);
  await Promise.all(deviceTalk(clients, 1));
  await answers.ask();
  const [snapshot, buffers, memory] = ['gateway.heapsnapshot', 'gateway.buffers', 'gateway.memory'].map(
    (name) => join(folder, name),
  ) as [string, string, string];
  const copied = options.memory ? copyMemory(gateway.pid, memory) : undefined;
  await gateway.writeHeap(snapshot, buffers);
  searchDisk(shop, search, true);
  search.file(snapshot, { place: 'heap', where: 'heap snapshot', isAfterNoon: true });
  parts.say(`heap snapshot of ${Math.round(statSync(snapshot).size / 1e6)} MB searched`);
  await until(async () => (await status(shop)).outbox.waiting === 0, 'the uplinks');
  await clients.close();
  await gateway.close();
  searchDisk(shop, search, true);
  searchSaid(shop, search, cut, answers);
  const told = readEvents(central, parts.people);
  return {
    hoursSimulated: options.hours,
    findings: search.findings(),
    bytesSearched: search.searched(),
    ...told,
    sieve: parts.air.counts(),
    points: await shop.series?.points(),
    ...answers.outcome(),
    absent: [...(parts.hasBridge ? [] : ["a bridge's topics at the broker"]), ...answers.outcome().absent],
    residue: {
      buffers: residueIn(buffers, parts.marks),
      process: !options.memory
        ? 'not read'
        : copied === undefined
          ? 'not permitted'
          : residueIn(memory, parts.marks),
    },
    coreLimit: parts.limit,
  };
}

/** Marks in memory that is freed or not a string: told, and not judged. */
function residueIn(file: string, marks: readonly Mark[]): number {
  const search = createSearch(marks);
  search.file(file, { place: 'heap', where: file, isAfterNoon: true });
  return new Set(search.findings().map(({ mark }) => mark)).size;
}

/** How much there was of each recording when the withdrawals were in force. */
interface Cut {
  octets: Map<string, number>;
  /** The last event that the profile store had, and the messages that the broker had given. */
  event: number;
  heard: number;
  answers: number;
}

function cutOf(shop: Shop, answers: number): Cut {
  const octets = new Map<string, number>();
  const lines = [shop.line, shop.central.line, ...(shop.series ? [shop.series.line] : [])];
  for (const { file, octets: size } of lines.flatMap((line) => line.kept())) octets.set(file, size);
  for (const file of filesBelow([shop.logs])) octets.set(file, statSync(file).size);
  return {
    octets,
    event: lastEvent(shop.central),
    heard: shop.central.heardByBroker().length,
    answers,
  };
}

function searchDisk({ data }: Shop, search: Search, isAfterNoon: boolean): void {
  for (const file of filesBelow([data]))
    search.file(file, { place: 'disk', where: nameOf(file), isAfterNoon });
}

/** Everything that was said or written in order: what came before the withdrawals apart from the rest. */
function searchSaid(shop: Shop, search: Search, cut: Cut | undefined, answers: AnswerBook): void {
  const { central, line, logs, series } = shop;
  const inOrder = [
    ...(series?.line.kept() ?? []).map(({ file }) => ({ file, place: 'series' as const })),
    ...central.line.kept().map(({ file }) => ({ file, place: 'uplink' as const })),
    ...line.kept().map(({ file }) => ({ file, place: 'broker' as const })),
    ...filesBelow([logs]).map((file) => ({ file, place: 'log' as const })),
    { file: answers.file, place: 'http' as const },
  ];
  for (const { file, place } of inOrder) {
    const from = (file === answers.file ? cut?.answers : cut?.octets.get(file)) ?? 0;
    search.file(file, { place, where: nameOf(file), isAfterNoon: false }, 0, from);
    search.file(file, { place, where: nameOf(file), isAfterNoon: true }, from);
  }
  for (const [i, bytes] of central.heardByBroker().entries()) {
    search.bytes(bytes, { place: 'uplink', where: 'mosquitto', isAfterNoon: i >= (cut?.heard ?? 0) });
  }
  for (const file of filesBelow([central.folder])) {
    search.file(file, { place: 'profile store', where: nameOf(file), isAfterNoon: false });
  }
  for (const file of filesBelow(series ? [series.folder] : [])) {
    search.file(file, { place: 'series', where: nameOf(file), isAfterNoon: false });
  }
  for (const { row, event } of eventsFrom(central, 0)) {
    const heap = { place: 'uplink', where: event.type, isAfterNoon: row > (cut?.event ?? 0) } as const;
    search.bytes(Buffer.from(JSON.stringify(event)), heap);
  }
}

function nameOf(file: string): string {
  return file.split('/').slice(-2).join('/');
}

/** Personal events, and whether any of them tells a place of somebody who did not agree to that. */
function readEvents(central: Central, people: readonly Person[]) {
  const unlocated = new Set(
    people.flatMap(({ kind, consent }) => (kind === 'agreed without location' && consent?.subjectRef) || []),
  );
  let personalEvents = 0;
  let placesTold = 0;
  for (const { event } of eventsFrom(central, 0)) {
    const { subject, ...data } = event.data as { subject?: { ref?: string } };
    if (subject?.ref === undefined) continue;
    personalEvents += 1;
    const tellsPlace = ['zoneId', 'zones', 'position'].some((name) => name in data);
    if (tellsPlace && unlocated.has(subject.ref)) placesTold += 1;
  }
  return { personalEvents, placesTold };
}

const PAGE = 1_000;

function* eventsFrom({ profiles }: Central, after: number) {
  for (let last = after; ; ) {
    const page = profiles.store.events(last, PAGE);
    yield* page;
    const end = page.at(-1)?.row;
    if (end === undefined) return;
    last = end;
  }
}

function lastEvent(central: Central): number {
  let last = 0;
  for (const { row } of eventsFrom(central, 0)) last = row;
  return last;
}

function sendFrames(clients: Clients, receiver: string, frames: readonly Frame[]): Promise<void>[] {
  const messages: Promise<void>[] = [];
  for (let i = 0; i < frames.length; i += FRAMES_A_MESSAGE) {
    const payload = JSON.stringify({ frames: frames.slice(i, i + FRAMES_A_MESSAGE) });
    messages.push(clients.say(receiver, 'advertisements', payload));
  }
  return messages;
}

/** The shop's own radio: nothing leaves it but what could be a key, and a count of the rest. */
interface OwnRadio {
  hear(frames: readonly Frame[], minute: number): Promise<void>[];
  counts(): DayResult['sieve'];
}

/** A count is made each so many minutes. */
const WINDOW = 5;

function ownRadio({ clients }: Shop): OwnRadio {
  const sieve = frameSieve(randomBytes);
  const counts = { heard: 0, passed: 0, distinct: 0, counted: 0 };
  let strangers = new Set<string>();
  let list = '';

  function hear(frames: readonly Frame[], minute: number): Promise<void>[] {
    const accepted = clients.frames(SIEVED);
    const at = minute * MINUTE;
    if (accepted && String(accepted) !== list) {
      list = String(accepted);
      sieve.accept(accepted, at);
    }
    const passed = frames.filter((frame) => {
      const data = Buffer.from(frame.data, 'hex');
      const isPassed = sieve.heard({ ...frame, data }, at) !== undefined;
      if (!isPassed) strangers.add(frame.address);
      return isPassed;
    });
    counts.heard += frames.length;
    counts.passed += passed.length;
    const sent = sendFrames(clients, SIEVED, passed);
    const window = minute % WINDOW === WINDOW - 1 ? sieve.closeWindow(at) : undefined;
    if (!window) return sent;
    counts.distinct += strangers.size;
    counts.counted += window.near + window.far;
    strangers = new Set();
    return [...sent, clients.say(SIEVED, 'crowd', JSON.stringify(window))];
  }
  return { hear, counts: () => counts };
}

/** A phone with an MQTT connection of its own: what it calls itself there is a mark too. */
function phonesOf(people: readonly Person[], random: ReturnType<typeof markedRandom>) {
  const tokens = people.flatMap(
    (person) => (isStranger(person) && person.kind === 'app' && person.token) || [],
  );
  return tokens
    .filter((_, i) => i % 5 === 0)
    .map((token) => {
      const name = Buffer.from(random.bytes(8));
      return {
        token,
        clientId: `${APP}-${name.toString('hex')}`,
        marks: [octetMark("client id of a stranger's phone", name)],
      };
    });
}

function ranged(token: string): string {
  return JSON.stringify({ token, beacons: [{ ...BEACON, rssi: -60 }] });
}

/** By turns over MQTT and by HTTP, which takes 120 a minute from one address. */
async function reportRanged({ clients, gateway }: Shop, token: string, turn: number): Promise<void> {
  if (turn % 2 === 0 || turn > 100) return clients.say(APP, 'ranged', ranged(token));
  const init = { method: 'POST', body: ranged(token), headers: { 'content-type': 'application/json' } };
  await (await fetch(`http://127.0.0.1:${gateway.http}/api/app/ranged`, init)).arrayBuffer();
}

async function attemptIt(shop: Shop, { packets, asDevice, request, message }: Attempt) {
  const { gateway, clients, line } = shop;
  if (packets) {
    const all = asDevice ? [badButton(shop.secret(BAD_BUTTON)), ...packets] : packets;
    await sayAndLeave(line.port, all);
  }
  if (request) {
    // The answer goes to who sent the mark, and is not kept.
    const answer = await fetch(`http://127.0.0.1:${gateway.http}${request.path}`, request.init).catch(
      () => undefined,
    );
    await answer?.arrayBuffer();
  }
  if (message) await dare(clients, message);
}

/** Through a device that has its credentials, and that this version knows. */
async function dare(
  clients: Clients,
  { device, topic, payload }: NonNullable<Attempt['message']>,
): Promise<void> {
  const id = { bridge: BRIDGE, receiver: CEILINGS[0] as string, button: BUTTON, wifi: WIFI, reader: READER }[
    device
  ];
  if (!DEVICES.includes(id)) return;
  await clients.dare(
    id,
    device === 'bridge' ? `${BRIDGE_BRANCH}/${topic}` : `devices/${id}/${topic}`,
    payload,
  );
}

/** What a shop's devices say all day, strangers or not. */
function deviceTalk(clients: Clients, number: number): Promise<void>[] {
  return [
    clients.say(BUTTON, 'pressed', JSON.stringify({ button: 1, press: 'press', boot: 'b1', seq: number })),
    clients.say(CLIMATE, 'climate', JSON.stringify({ temperatureC: 20 + (number % 7) / 10 })),
    clients.say(CEILINGS[0] as string, 'advertisements', JSON.stringify({ frames: [] })),
  ];
}

function share<T>(list: readonly T[], minute: number, minutes: number): readonly T[] {
  return list.slice(
    Math.floor((list.length * minute) / minutes),
    Math.floor((list.length * (minute + 1)) / minutes),
  );
}

/** Of those who withdraw, who also asks to be forgotten altogether. */
function erasedOf<T extends { subjectRef: string }>(withdrawing: readonly T[]): string[] {
  return withdrawing.filter((_, i) => i % 10 === 0).map(({ subjectRef }) => subjectRef);
}

/** Everything that the gateway answers by HTTP, in one file. */
interface AnswerBook {
  file: string;
  octets(): number;
  ask(): Promise<void>;
  outcome(): { answered: string[]; absent: string[] };
}

function answerBook({ folder, data, gateway }: Shop): AnswerBook {
  const file = join(folder, 'said', 'answers');
  appendFileSync(file, '', { mode: 0o600 });
  const answered = new Map<string, boolean>();
  return {
    file,
    octets: () => statSync(file).size,
    async ask() {
      for (const path of ANSWERS) {
        const answer = await ask(gateway.http, data, path);
        answered.set(path, answer.status < 300);
        appendFileSync(file, `${path} ${answer.status} ${answer.headers} ${answer.body}\n`);
      }
    },
    outcome: () => ({
      answered: ANSWERS.filter((path) => answered.get(path)),
      absent: ANSWERS.filter((path) => !answered.get(path)),
    }),
  };
}

async function ask(port: number, data: string, path: string) {
  const authorization = `Bearer ${readFileSync(join(data, 'dashboard.token'), 'utf8')}`;
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization } });
  const headers = JSON.stringify([...answer.headers]);
  return { status: answer.status, headers, body: await answer.text() };
}

interface Status {
  recognises: { ok: boolean };
  outbox: { waiting: number };
}

async function status({ gateway, data }: Shop): Promise<Status> {
  const { body } = await ask(gateway.http, data, '/api/status');
  return JSON.parse(body) as Status;
}

/** The gateway says in its log what it took from the central platform, and what it refused of it. */
function hasTaken({ logs }: Shop, messages: number): boolean {
  const lines = readFileSync(join(logs, 'gateway.log'), 'utf8').split('\n');
  return (
    lines.filter((line) => /taken from the central|refused from the central/.test(line)).length >= messages
  );
}

const PATIENCE_MS = 30_000;

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await pause(50);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
