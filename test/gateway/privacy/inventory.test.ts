import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../../gateway/database.ts';
import { EVENT_TYPES } from '../../../gateway/event-types.ts';
import { startGateway } from '../../../gateway/gateway.ts';
import { addOptOuts } from '../../../gateway/opt-out.ts';
import { inventoryOf } from '../../../gateway/privacy/inventory.ts';
import { FILES, STATE_KINDS, TABLES } from '../../../gateway/privacy/kinds.ts';
import { MEASURES } from '../../../gateway/privacy/measures.ts';
import { modeOf } from '../../../gateway/privacy/mode.ts';
import { reportOf } from '../../../gateway/privacy/report.ts';
import { reportMarkdown } from '../../../gateway/privacy/report-markdown.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { busyShop, shopWith } from './shops.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** 2026-03-01T10:00:00Z, ms. */
const TEN = Date.UTC(2026, 2, 1, 10);

const ids = (mode: string) => inventoryOf(shopWith(mode)).map(({ id }) => id);

describe('R27: the inventory', () => {
  it('and the report made from it are as they were looked at last', async () => {
    await expect(`${reportMarkdown(reportOf(busyShop(), TEN))}\n`).toMatchFileSnapshot('report.md');
  });

  it('has a place for every table of the database, and for nothing that is not there', () => {
    const db = openDatabase(':memory:');
    const tables = db
      .prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
      .all()
      .map(({ name }) => name);
    expect(['state', ...Object.keys(TABLES)].sort()).toEqual(tables);
    const held = inventoryOf(busyShop()).map(({ id }) => id);
    expect(held).toEqual(expect.arrayContaining([...Object.values(TABLES), ...Object.values(STATE_KINDS)]));
  });

  it('names every file that a running gateway keeps', async () => {
    const folder = temporaryFolder();
    const yaml = 'dashboard: {listen: "127.0.0.1:0"}';
    const config = { ...shopWith('identify', yaml), data: folder };
    config.inputs.mqtt.listen = '127.0.0.1:0';
    addOptOuts(folder, Buffer.alloc(32), ['a4:c1:38:00:00:01']);
    const gateway = await startGateway({ config, log: pino({ level: 'silent' }) });
    const files = readdirSync(folder).map((file) => file.replace(/-(wal|shm|journal)$/, ''));
    await gateway.close();
    const betweenRuns = 'cut-windows.json';
    const running = Object.keys(FILES).filter((file) => file !== betweenRuns);
    expect([...new Set(files)].sort()).toEqual(running.sort());
  });

  it('names each thing once, with purpose, basis, place, time and recipient', () => {
    const holdings = inventoryOf(busyShop());
    expect(new Set(holdings.map(({ id }) => id)).size).toBe(holdings.length);
    for (const { recipients, ...holding } of holdings) {
      expect(Object.values(holding).every((text) => text.length > 0)).toBe(true);
      expect(recipients.length).toBeGreaterThan(0);
    }
  });

  it('takes its times from the configuration', () => {
    const text = JSON.stringify(reportOf(shopWith('identify', 'retention: {personalHours: 7}'), TEN));
    expect(text).toContain('at most 7 h');
    expect(text).not.toContain('72 h');
  });

  it('names recipients by kind and host, never by a credential', () => {
    const text = JSON.stringify(reportOf(busyShop(), TEN));
    expect(text).toContain('the profile store at profiles.example (http)');
    expect(text).toContain('the profile store at broker.example (mqtt)');
    expect(text).not.toContain('secret@');
    expect(JSON.stringify(reportOf(shopWith('identify'), TEN))).toContain('nobody yet: no uplink');
  });

  it('holds nothing of recognition in a shop that recognises nobody, and no counts in one that is off', () => {
    const ofRecognition = ['key-tables', 'places', 'visits', 'events', 'dead-letters'];
    expect(ids('identify')).toEqual(expect.arrayContaining(ofRecognition));
    for (const mode of ['anonymous', 'off']) {
      expect(ids(mode).filter((id) => ofRecognition.includes(id))).toEqual([]);
    }
    expect(ids('anonymous')).toContain('crowd-counts');
    expect(ids('off')).not.toContain('crowd-counts');
  });

  it('R28: of a shop that would identify without a notice is that of an anonymous one', () => {
    const config = shopWith('identify', '', false);
    expect(modeOf(config)).toBe('anonymous');
    expect(inventoryOf(config).map(({ id }) => id)).toEqual(ids('anonymous'));
  });
});

describe('the report', () => {
  it('has each requirement R1 to R29 as a measure, and each against a risk', () => {
    expect(MEASURES.map(({ id }) => id)).toEqual(Array.from({ length: 29 }, (_, i) => `R${i + 1}`));
    const { risks } = reportOf(busyShop(), TEN);
    const against = new Set(risks.flatMap(({ measures }) => measures));
    expect(MEASURES.filter(({ id }) => !against.has(id))).toEqual([]);
  });

  it('names only tests that are there', () => {
    const files = MEASURES.flatMap(({ shownBy }) => shownBy).filter((shown) => shown.startsWith('test/'));
    expect(files.filter((file) => !existsSync(ROOT + file))).toEqual([]);
  });

  it('shows each measure by something, or says what it lacks', () => {
    for (const { shownBy, lacks } of MEASURES) expect(shownBy.length > 0 || lacks !== undefined).toBe(true);
  });

  it('lists every event, of a person only where one can be recognised', () => {
    const names = (mode: string) => reportOf(shopWith(mode), TEN).events.map(({ name }) => name);
    expect(names('identify')).toEqual(EVENT_TYPES.map(({ name }) => name));
    expect(names('anonymous')).not.toContain('visit.started');
    expect(names('anonymous')).toContain('occupancy.aggregated');
  });

  it('collects what the controller has to say, each once', () => {
    const { gaps } = reportOf(busyShop(), TEN);
    expect(new Set(gaps).size).toBe(gaps.length);
    for (const gap of gaps) expect(gap).toMatch(/^\[to be completed by the controller/);
    expect(gaps.length).toBeGreaterThan(5);
  });

  it('tells a line without TLS from one with it', () => {
    const flows = (url: string) =>
      reportOf(shopWith('identify', `uplinks: [{kind: http, url: "${url}"}]`), TEN).flows.map(
        ({ protection }) => protection,
      );
    expect(flows('http://profiles.example')).toContain('no TLS');
    expect(flows('https://profiles.example')).not.toContain('no TLS');
  });

  it('keeps its tables whole', () => {
    const lines = reportMarkdown(reportOf(busyShop(), TEN)).split('\n');
    for (const [i, line] of lines.entries()) {
      if (!line.startsWith('|') || !lines[i - 1]?.startsWith('|')) continue;
      expect(cells(line)).toBe(cells(lines[i - 1] ?? ''));
    }
  });
});

function cells(line: string): number {
  return line.split(/(?<!\\)\|/).length;
}
