#!/usr/bin/env node
import { createInterface } from 'node:readline';
import { Command, CommanderError, Option } from 'commander';
import pino from 'pino';
import { verifyStoredAudit } from './cli/audit.ts';
import { backup, restore } from './cli/backup.ts';
import { check } from './cli/check.ts';
import { importConsents, listConsents, showConsent, signConsents } from './cli/consents.ts';
import { decodeLines } from './cli/decode.ts';
import { addDevices, listDevices, revokeDevice } from './cli/devices.ts';
import { exportEvents } from './cli/export.ts';
import { influxSetup } from './cli/influx.ts';
import { addToOptOuts, clearOptOutList, listOptOuts } from './cli/opt-out.ts';
import { forget, outboxStatus, redrive, showDead } from './cli/outbox.ts';
import { privacyNotice, privacyReport } from './cli/privacy.ts';
import { replay } from './cli/replay.ts';
import { status } from './cli/status.ts';
import { eraseSubject, exportSubject } from './cli/subject.ts';
import { ConfigError, readConfig } from './config.ts';
import { judgeNode } from './node-version.ts';
import { NOTICE_LANGUAGES } from './privacy/notice.ts';
import { logLevel } from './start-guard.ts';

/*
 * The command line: the only file that knows `process`. Exit 0 fine, 1 failed, 2 wrong use.
 */

const out = (text: string) => void process.stdout.write(`${text}\n`);
const err = (text: string) => void process.stderr.write(`${text}\n`);
const needsConfig = () => new Option('--config <file>', 'the configuration').makeOptionMandatory();
const showsSubjects = () => new Option('--subjects', "with the profile store's references of the people");
const asJson = () => new Option('--json', 'for programs: JSON instead of a table');

const program = new Command('aisle')
  .description(
    'The edge box of a shop: hears its devices, recognises the shoppers who agreed to it and nobody else.',
  )
  .showSuggestionAfterError()
  .exitOverride();

program
  .command('run')
  .description('the gateway')
  .addOption(needsConfig())
  .action(async ({ config }) => {
    const { startGateway } = await import('./gateway.ts');
    const log = pino({ base: null, level: logLevel(process.env) });
    if (node.warning !== undefined) log.warn(node.warning);
    const gateway = await startGateway({ config: readConfig(config), log });
    untilSignal(() => gateway.close());
  });

program
  .command('radio')
  .description("this machine's Bluetooth: its adapter as a receiver, GATT thermostats; a process of its own")
  .addOption(needsConfig())
  .action(async ({ config }) => {
    const log = pino({ base: null, level: logLevel(process.env) });
    const { runRadio } = await import('./radio/radio.ts');
    const { configuredThermostats } = await import('./radio/gatt/configured.ts');
    const settings = readConfig(config);
    const { radio } = settings.inputs;
    if (!radio)
      throw new Error(
        `${config}: inputs.radio is missing: it names the driver, the adapter and the receiver`,
      );
    const running = await runRadio(radio, log, configuredThermostats(settings));
    untilSignal(() => running.close());
  });

program
  .command('demo')
  .description('a whole shop on this machine, without hardware')
  .option('--for <seconds>', 'ends by itself after so long', positive)
  .option('--shoppers <n>', 'how many shoppers', positive, 20)
  .option('--consenting <share>', 'the share of them that agreed, 0 to 1', share, 0.3)
  .option('--speed <factor>', 'how much faster shoppers and devices go', positive, 1)
  .option('--seed <n>', 'the same seed, the same shop', Number, 7)
  .addOption(
    new Option('--radio <library>', 'what the box hears by').choices(['noble', 'bluez']).default('noble'),
  )
  .option('--influx', "with InfluxDB (Debian's) for the time series")
  .option('--central', 'against a profile store for many shops: RabbitMQ, workers, PostgreSQL')
  .addOption(asJson())
  .action(async (options) => {
    const { runDemo } = await import('../firmware-sim/demo.ts');
    const sound = await runDemo(options, {
      out,
      err,
      isTerminal: process.stderr.isTTY === true,
      onSignal: untilSignalOnce,
    });
    process.exitCode = sound ? 0 : 1;
  });

program
  .command('check')
  .description('validates everything before a start and says what to do')
  .addOption(needsConfig())
  .addOption(asJson())
  .action(async ({ config, json }) => {
    const { ok, findings } = await check(config, process.env);
    if (node.warning !== undefined) findings.push({ level: 'warning', text: node.warning });
    if (json) out(JSON.stringify({ ok, findings }));
    else for (const { level, text } of findings) out(`${level.padEnd(7)} ${text}`);
    process.exitCode = ok ? 0 : 1;
  });

program
  .command('decode')
  .description('JSON lines of advertisements in, what they say out')
  .action(async () => {
    const { unreadable } = await decodeLines(createInterface({ input: process.stdin }), out);
    if (unreadable > 0)
      err(
        `${unreadable} lines were not readable (expected {"data": "<hex>", "address"?, "key"?} or {"topic", "payload"})`,
      );
  });

program
  .command('replay')
  .description('a recording through the pipeline: CloudEvents as JSON lines')
  .addOption(needsConfig())
  .option('--consents <list>', 'a bare consent list (JSON), in force from the start')
  .option('--until <time>', 'go on ticking until this time (ISO 8601 or ms)')
  .option('--explain', 'each second, who is believed to be where and why')
  .argument('<recording...>')
  .action((files: string[], options) => replay(readConfig(options.config), files, options, out));

const devices = program.command('devices').description("the shop's devices and their secrets");
devices
  .command('add <id...>')
  .description("makes a device's secret and shows it, this once; several ids, a line each")
  .addOption(needsConfig())
  .addOption(asJson())
  .action((ids: string[], { config, json }) => {
    for (const { id, secret, isNew } of addDevices(readConfig(config), ids, Date.now())) {
      if (!isNew) err(`${id} had a secret before; it does not work any more`);
      out(json ? JSON.stringify({ id, secret }) : `${id}: user name ${id}, password ${secret}`);
    }
  });
devices
  .command('list')
  .addOption(needsConfig())
  .addOption(asJson())
  .action(({ config, json }) => {
    const rows = listDevices(readConfig(config));
    if (json) return out(JSON.stringify(rows));
    for (const { id, kind, zone, issuedAt } of rows) {
      out([id.padEnd(24), kind.padEnd(18), (zone ?? '-').padEnd(16), issuedAt ?? 'no secret yet'].join(' '));
    }
  });
devices
  .command('revoke <id>')
  .description('takes a secret back; the device cannot connect any more')
  .addOption(needsConfig())
  .action((id, { config }) => revokeDevice(readConfig(config), id));

const optOut = program.command('opt-out').description('who does not want to be counted');
optOut
  .command('add [address...]')
  .description('lists addresses as 16 bits of a hash; without any, one a line from standard input')
  .addOption(needsConfig())
  .action(async (addresses: string[], { config }) =>
    addToOptOuts(readConfig(config), addresses.length > 0 ? addresses : await linesIn(), out),
  );
optOut
  .command('list')
  .description('how many are listed; more cannot be told')
  .addOption(needsConfig())
  .addOption(asJson())
  .action(({ config, json }) => listOptOuts(readConfig(config), json === true, out));
optOut
  .command('clear')
  .description('empties the list')
  .addOption(needsConfig())
  .action(({ config }) => clearOptOutList(readConfig(config), out));

const consents = program.command('consents').description('consent lists');
consents
  .command('sign')
  .description('signs a list (a JSON file) as the central platform would: one compact JWS')
  .requiredOption('--key <file>', 'the issuer key, a private JWK; made where the file is not there')
  .argument('<list>')
  .action(async (list, { key }) => out(await signConsents(list, key, err)));
consents
  .command('import <file>')
  .description('takes a signed list, one compact JWS a line; by the running gateway where one runs')
  .addOption(needsConfig())
  .action(async (file, { config }) =>
    out(`list ${await importConsents(file, readConfig(config))} is in force`),
  );
consents
  .command('list')
  .description('the consents in force; of keys only kinds and counts')
  .addOption(needsConfig())
  .addOption(showsSubjects())
  .addOption(asJson())
  .action((options) => listConsents(readConfig(options.config), options, out));
consents
  .command('show <recordId>')
  .description('one consent record')
  .addOption(needsConfig())
  .addOption(showsSubjects())
  .addOption(asJson())
  .action((recordId, options) => showConsent(readConfig(options.config), recordId, options, out));

const subject = program.command('subject').description("one person, by the profile store's reference");
subject
  .command('export <ref>')
  .description('everything that is held of them, as JSON (GDPR art. 15 and 20)')
  .addOption(needsConfig())
  .action(async (ref, { config }) => out(await exportSubject(readConfig(config), ref, Date.now())));
subject
  .command('erase <ref>')
  .description('removes everything of them and prints the signed certificate (GDPR art. 17)')
  .addOption(needsConfig())
  .action(async (ref, { config }) => out(await eraseSubject(readConfig(config), ref)));

program
  .command('export')
  .description('waiting and refused events as CloudEvents, JSON lines')
  .addOption(needsConfig())
  .requiredOption('--since <time>', 'what happened from then on (ISO 8601 or ms)')
  .option('--out <file>', 'into a new file that its owner alone can read')
  .action((options) => {
    const count = exportEvents(readConfig(options.config), options, out);
    if (options.out !== undefined) err(`${count} events in ${options.out}`);
  });

program
  .command('audit')
  .description('the record of grants, withdrawals, erasures and changes of mode')
  .command('verify')
  .description('walks its chain of hashes')
  .addOption(needsConfig())
  .option('--head <n:hash>', 'a head that was kept elsewhere, as certificates carry it')
  .addOption(asJson())
  .action((options) => {
    process.exitCode = verifyStoredAudit(readConfig(options.config), options, out) ? 0 : 1;
  });

const privacy = program.command('privacy').description('what a data protection officer asks for');
privacy
  .command('report')
  .description('what is held, for what, how long, who receives it: material for an impact assessment')
  .addOption(needsConfig())
  .addOption(asJson())
  .action(({ config, json }) => privacyReport(readConfig(config), json === true, Date.now(), out));
privacy
  .command('notice')
  .description('poster, kiosk text and the entry of the record of processing')
  .addOption(needsConfig())
  .addOption(new Option('--language <code>', 'of the texts').choices(NOTICE_LANGUAGES).makeOptionMandatory())
  .addOption(asJson())
  .action((options) => privacyNotice(readConfig(options.config), options, out, err));

program
  .command('status')
  .description('what is stored, waiting and taken')
  .addOption(needsConfig())
  .addOption(asJson())
  .action(({ config, json }) => status(readConfig(config), json === true, out));

program
  .command('backup <file>')
  .description('a copy of the database, without what is of people, beside a running gateway')
  .addOption(needsConfig())
  .addOption(asJson())
  .action((file, { config, json }) => backup(readConfig(config), file, json === true, out));
program
  .command('restore <file>')
  .description('puts a backup in the place of the database, while no gateway runs')
  .addOption(needsConfig())
  .addOption(asJson())
  .action((file, { config, json }) => restore(readConfig(config), file, json === true, out));

program
  .command('influx')
  .description('time series in InfluxDB 1.x')
  .command('setup')
  .description('makes the database, its retention policies, continuous queries and the user of the gateway')
  .addOption(needsConfig())
  .option('--admin-user <name>', 'an administrator of InfluxDB')
  .option('--admin-password-file <file>', 'whose password is there')
  .option('--print', 'changes nothing: prints the statements for an administrator')
  .addOption(asJson())
  .action(({ config, ...options }) => influxSetup(readConfig(config), options, out));

const outbox = program.command('outbox').description('events on their way');
outbox
  .command('status')
  .description('how many wait for whom, and how much room there is')
  .addOption(needsConfig())
  .addOption(asJson())
  .action(({ config, json }) => outboxStatus(readConfig(config), json === true, out));
outbox
  .command('dead')
  .description('events that an uplink refused for good, with the reason')
  .addOption(needsConfig())
  .addOption(asJson())
  .option('--export', 'the events themselves, JSON lines')
  .action((options) => showDead(readConfig(options.config), options, out));
outbox
  .command('redrive')
  .description('dead letters go to their uplinks again, under their old ids; all of them, or those named')
  .addOption(needsConfig())
  .option('--uplink <name>', 'of this uplink, as `outbox dead` names it')
  .option('--id <id...>', 'of these events')
  .addOption(asJson())
  .action(async ({ config, uplink, id: ids, json }) => {
    const said = await redrive(readConfig(config), { uplink, ids });
    if (json) return out(JSON.stringify(said));
    out(`${said.redriven} go again`);
    if (said.gone > 0) out(`${said.gone} cannot: they were erased or have expired`);
    if (said.unconfigured > 0) out(`${said.unconfigured} are of an uplink that is not configured`);
  });
outbox
  .command('forget')
  .description('gives up what is owed to an uplink that is not configured any more')
  .addOption(needsConfig())
  .requiredOption('--uplink <name>', 'as `outbox status` names it')
  .addOption(asJson())
  .action(async ({ config, uplink, json }) => {
    const forgotten = await forget(readConfig(config), uplink);
    out(json ? JSON.stringify({ forgotten }) : `${forgotten} events are not owed to ${uplink} any more`);
  });

/** Addresses come this way where they are not to stand in a shell's history. */
async function linesIn(): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: process.stdin })) lines.push(line.trim());
  return lines.filter((line) => line !== '');
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new CommanderError(2, 'aisle.value', `${text} is not a number above 0`);
  return number;
}

function share(text: string): number {
  const number = Number(text);
  if (!(number >= 0 && number <= 1))
    throw new CommanderError(2, 'aisle.value', `${text} is not a number from 0 to 1`);
  return number;
}

/** Ends in order at SIGINT and SIGTERM, and hard when asked a second time. */
function untilSignal(close: () => Promise<void>): void {
  untilSignalOnce(() => {
    close().then(
      () => process.exit(0),
      (error: Error) => fail(error),
    );
  });
}

/** Signals that come this soon after the first are the same one, sent on by a program that started us, ms. */
const SAME_SIGNAL = 500;

function untilSignalOnce(ended: () => void): void {
  let askedAt: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (askedAt !== undefined && performance.now() - askedAt > SAME_SIGNAL) process.exit(1);
      if (askedAt !== undefined) return;
      askedAt = performance.now();
      ended();
    });
  }
}

function fail(error: unknown): never {
  if (error instanceof CommanderError) {
    if (error.code === 'aisle.value') err(error.message);
    process.exit(error.exitCode === 0 ? 0 : 2);
  }
  if (error instanceof ConfigError) for (const { text } of error.problems) err(text);
  else err(`aisle: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

// Who reads us (`head`) may stop reading.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

// A bug ends the process with a sentence; the supervisor starts it again (S13).
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

const node = judgeNode(process.versions.node, Date.now());
if (node.refused !== undefined) fail(new Error(node.refused));
program.parseAsync().catch(fail);
