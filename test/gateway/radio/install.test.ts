import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type * as Bus from '../../../gateway/radio/bluez/bus.ts';
import type { OpenRadio } from '../../../gateway/radio/driver.ts';
import type { RadioState } from '../../../gateway/radio/radio-state.ts';
import { until } from '../../support/until.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NATIVE = 'node_modules/@abandonware/bluetooth-hci-socket';

/** The radio in a folder of its own, with noble and without its native part, as a failed build leaves it. */
async function installed(onTestFinished: (end: () => void) => void): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'install-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const copy = (path: string) => cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  copy('gateway/radio');
  copy('node_modules/@abandonware/noble');
  symlinkSync(join(ROOT, 'node_modules/debug'), join(folder, 'node_modules/debug'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  return folder;
}

/** Its package is there, what was to be compiled is not. */
function withoutBuild(folder: string): void {
  cpSync(join(ROOT, NATIVE), join(folder, NATIVE), {
    recursive: true,
    filter: (path) => !path.startsWith(join(ROOT, NATIVE, 'build')),
  });
}

async function openIn(folder: string): Promise<RadioState[]> {
  const { openNoble } = (await import(join(folder, 'gateway/radio/noble.ts'))) as { openNoble: OpenRadio };
  const states: RadioState[] = [];
  const radio = openNoble({
    adapter: { kind: 'local', index: 0 },
    onAdvertisement() {},
    onState: (state) => states.push(state),
    log: { info() {}, warn() {}, error() {} },
    now: () => performance.now(),
  });
  radio.close();
  return states;
}

const REBUILD =
  'npm rebuild @abandonware/bluetooth-hci-socket (it needs gcc, make and python3), or use inputs.radio.driver bluez';

it('a native part that was left out at install is one sentence, and no end of the process', async ({
  onTestFinished,
}) => {
  expect(await openIn(await installed(onTestFinished))).toEqual([
    { kind: 'starting' },
    {
      kind: 'failed',
      why: 'noble is not installed (MODULE_NOT_FOUND): npm install --include=optional, or use inputs.radio.driver bluez',
    },
  ]);
});

it('so is one whose build failed', async ({ onTestFinished }) => {
  const folder = await installed(onTestFinished);
  withoutBuild(folder);
  expect(await openIn(folder)).toEqual([
    { kind: 'starting' },
    {
      kind: 'failed',
      why: `noble's native part was not built at install (MODULE_NOT_FOUND): ${REBUILD}`,
    },
  ]);
});

it('so is one that was built for another machine', async ({ onTestFinished }) => {
  const folder = await installed(onTestFinished);
  withoutBuild(folder);
  mkdirSync(join(folder, NATIVE, 'build/Release'), { recursive: true });
  writeFileSync(join(folder, NATIVE, 'build/Release/bluetooth_hci_socket.node'), 'no ELF');
  expect(await openIn(folder)).toEqual([
    { kind: 'starting' },
    {
      kind: 'failed',
      why: `noble's native part does not fit this Node ${process.version} (ERR_DLOPEN_FAILED): ${REBUILD}`,
    },
  ]);
});

it('and without node-ble BlueZ is no way either, in one sentence', async ({ onTestFinished }) => {
  const folder = await installed(onTestFinished);
  const { openBus } = (await import(join(folder, 'gateway/radio/bluez/bus.ts'))) as typeof Bus;
  const bus = openBus({ log: { info() {}, warn() {}, error() {} } });
  onTestFinished(() => bus.close());
  const said: (string | undefined)[] = [];
  bus.follow({ onSession() {}, onNone: (why) => said.push(why) });
  await until(() => said.length === 2, 'the lack to be told');
  expect(said).toEqual([
    undefined,
    'node-ble is not installed (MODULE_NOT_FOUND): npm install, or use inputs.radio.driver noble',
  ]);
});
