import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasDbus, type MockBluez, startMockBluez } from '../../support/mock-bluez.ts';
import { until } from '../../support/until.ts';

const PROGRAM = '/usr/bin/bluetoothctl';
const ADDRESS = 'C0:00:00:00:00:02';

/** BlueZ's own client takes the mock for a bluetoothd. Debian's package bluez has it. */
describe.skipIf(!hasDbus || !existsSync(PROGRAM))('bluetoothctl on the mock BlueZ', () => {
  let mock: MockBluez;
  let child: ChildProcessWithoutNullStreams;
  let said = '';

  /** Types a line, and waits until it shows something. */
  async function type(line: string, shows: string | RegExp): Promise<void> {
    said = '';
    child.stdin.write(`${line}\n`);
    await until(() => said.search(shows) >= 0, `${shows} after "${line}": ${said}`);
  }

  beforeAll(async () => {
    mock = await startMockBluez();
    await mock.order({
      order: 'peripheral',
      address: ADDRESS,
      addressType: 'random',
      model: 'environmental-sensing',
      everyMs: 100,
      roomC: 21.48,
    });
    child = spawn(PROGRAM, [], { env: { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: mock.bus } });
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    await until(() => said.includes('Agent registered'), 'bluetoothctl');
  });
  afterAll(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
    await mock.stop();
  });

  it('scans, connects, reads, writes and is notified', async () => {
    await type('show', /Powered: yes/);
    await type('scan on', /NEW.*Device C0:00:00:00:00:02 Room thermostat/);
    await type(`connect ${ADDRESS}`, /Connection successful.*ServicesResolved: yes/s);
    await type('menu gatt', /Menu gatt/);
    await type('list-attributes', /0000181a.*Environmental Sensing.*Temperature/s);
    await type('select-attribute 00002a6e-0000-1000-8000-00805f9b34fb', /service0020\/char0021/);
    // The vector of bluetooth-sig-python: 21.48 °C.
    await type('read', / {2}64 08 /);
    await type('select-attribute 4f1d0002-9a5c-4b7e-8e2f-61a7c3d05b90', /service0040\/char0041/);
    await type('notify on', 'Notify started');
    await type('write "0x08 0x07"', / {2}08 07 /);
    expect(await mock.state(ADDRESS)).toMatchObject({ setpointC: 18, writes: ['0807'] });
    await type('back', /Menu main/);
    await type(`info ${ADDRESS}`, /Battery Percentage: 0x57 \(87\)/);
    await mock.order({ order: 'drop', address: ADDRESS });
    await until(() => /Connected: no/.test(said), 'the drop');
    await type(`remove ${ADDRESS}`, /Device has been removed/);
    await type('power off', /Powered: no/);
    await type('scan on', /Failed to start discovery: org.bluez.Error.NotReady/);
  });

  it('waits while bluetoothd is gone, and goes on when it is back', async () => {
    said = '';
    await mock.order({ order: 'leave' });
    await until(() => said.includes('Waiting to connect to bluetoothd'), 'bluetoothctl to notice');
    await mock.order({ order: 'return' });
    await until(() => said.includes('Agent registered'), 'bluetoothctl to come back');
    await type('power on', /succeeded/);
    await type('scan on', /Discovering: yes/);
  });
});
