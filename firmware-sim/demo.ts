import { rmSync } from 'node:fs';
import { missingPackages } from './central/installed.ts';
import { boxBluez, fittedThermostats, NO_GATT_THERMOSTAT } from './demo/box-radio.ts';
import { type Closing, closeShop } from './demo/closing.ts';
import { openPageServer } from './demo/page-server.ts';
import { openShop, type Shop, type ShopOptions } from './demo/shop.ts';
import { createShow, type Show } from './demo/show.ts';
import { closingTable, createTerminal } from './demo/terminal.ts';
import { within } from './demo/waiting.ts';

export interface DemoOptions extends ShopOptions {
  /** Seconds, from when all devices are connected; without it until Ctrl-C (with `json`, 60). */
  for?: number;
  json?: boolean;
}

export interface DemoIo {
  out(line: string): void;
  err(line: string): void;
  /** Where `err` goes to a terminal. */
  isTerminal: boolean;
  /** Calls back when the visitor wants to end. */
  onSignal(ended: () => void): void;
}

const JSON_S = 60;
const CONNECT_MS = 120_000;
const STATUS_MS = 500;

/**
 * A whole shop on this machine: the gateway as it would run in a shop, and around it everything that it
 * meets, as processes of their own over real sockets. Resolves to whether the run was sound (contract,
 * "Command line"). Its folder, in the system's temporary one, goes at the end; it is kept where the run was
 * not sound, or where commands over it were printed for the visitor to run.
 */
export async function runDemo(options: DemoOptions, io: DemoIo): Promise<boolean> {
  const missing = options.central ? missingPackages() : undefined;
  if (missing !== undefined) throw new Error(missing);
  const bluez = boxBluez(options.radio);
  const ended = new AbortController();
  io.onSignal(() => ended.abort());
  const terminal = createTerminal(io.err, io.isTerminal, performance.now(), () => performance.now());
  const show = createShow(terminal.say, Date.now);
  const page = await openPageServer(show, fittedThermostats(bluez));
  terminal.say(`The shop's page: ${page.url}   (Ctrl-C ends the demo)`);
  const status = setInterval(() => terminal.status(show.snapshot()), STATUS_MS);
  if (!bluez) terminal.say(NO_GATT_THERMOSTAT);
  if (options.central) terminal.say('Three RabbitMQ nodes and PostgreSQL start; that takes half a minute.');
  try {
    const shop = await openShop(options, show, ended.signal);
    terminal.say(`Everything of this run lies in ${shop.folder.root}`);
    const shown = shop.central.appCode();
    terminal.say(
      `The kiosk: ${shop.kiosk}${shown ? `   (the code of ${shown.subjectRef}: ${shown.code})` : ''}`,
    );
    if (shop.influx) terminal.say(`InfluxDB: ${shop.influx.command}`);
    show.open(shop);
    const isOpen = await untilEnd(options, shop, terminal.say, ended.signal);
    if (!isOpen) shop.problems.push('not all devices could connect');
    show.close();
    const closing = await closeShop(shop, show.did().cut);
    clearInterval(status);
    tell(closing, options.json === true, io);
    clearUp(shop, closing, show, io);
    return closing.isSound;
  } finally {
    clearInterval(status);
    await page.close();
  }
}

/** Resolves when the day is over; to false where it never began. */
async function untilEnd(
  options: DemoOptions,
  shop: Shop,
  say: (text: string) => void,
  ended: AbortSignal,
): Promise<boolean> {
  const isConnected = await within(CONNECT_MS, () => shop.floor.isConnected() || ended.aborted || undefined);
  const seconds = options.for ?? (options.json ? JSON_S : Number.POSITIVE_INFINITY);
  if (!isConnected) return false;
  if (!ended.aborted) say('All devices are connected.');
  await within(seconds * 1000, () => ended.aborted || undefined);
  return true;
}

function tell({ line, isSound, problems }: Closing, json: boolean, io: DemoIo): void {
  for (const problem of problems) io.err(`not sound: ${problem}`);
  if (json) return io.out(JSON.stringify(line));
  for (const row of closingTable(line)) io.out(row);
  io.out(isSound ? 'A sound run.' : 'Not a sound run.');
}

function clearUp({ folder }: Shop, { isSound }: Closing, show: Show, io: DemoIo): void {
  if (isSound && !show.did().printedCommands) rmSync(folder.root, { recursive: true, force: true });
  else io.err(`kept for you to look at: ${folder.root}`);
}
