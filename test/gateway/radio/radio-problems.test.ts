import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBus } from '../../../gateway/radio/bluez/bus.ts';
import { BusError } from '../../../gateway/radio/bluez/bus-error.ts';
import { connectBluez } from '../../../gateway/radio/bluez/load-bluez.ts';
import { noAdapterAt, whyNoBluez, whyNoBus, whyNotOpen } from '../../../gateway/radio/radio-problems.ts';
import { hasDbus } from '../../support/mock-bluez.ts';
import { until } from '../../support/until.ts';

const failed = (code: string, message = code) => Object.assign(new Error(message), { code });

describe('what is wrong with a radio, in a sentence with what to do', () => {
  it.each([
    ['EAFNOSUPPORT', 'this machine’s kernel has no Bluetooth (EAFNOSUPPORT): load its module'],
    ['ENODEV', 'there is no adapter hci0 (ENODEV): /sys/class/bluetooth lists'],
    ['EPERM', 'no right to use hci0: the radio process needs CAP_NET_RAW and CAP_NET_ADMIN'],
    ['EBUSY', 'hci0 cannot be opened: EBUSY'],
  ])('noble: %s', (code, sentence) => {
    const why = whyNotOpen(failed(code), { kind: 'local', index: 0 });
    expect(why.replace("'", '’')).toContain(sentence);
    expect(why).not.toContain('\n');
  });

  it.each([
    [failed('ENOENT'), 'there is no D-Bus at unix:path=/run/x (ENOENT): start dbus'],
    [failed('ECONNREFUSED'), 'there is no D-Bus at unix:path=/run/x (ECONNREFUSED)'],
    [failed('EACCES'), 'no right to connect to D-Bus at unix:path=/run/x (EACCES)'],
    [new Error('authentication failed: REJECTED EXTERNAL'), 'D-Bus at unix:path=/run/x refuses this user'],
    [new BusError('deadline', 'Hello'), 'D-Bus at unix:path=/run/x does not answer'],
    [new Error('odd\nstack'), 'D-Bus at unix:path=/run/x cannot be used: odd'],
  ])('D-Bus: %o', (error, sentence) => {
    const why = whyNoBus(error, 'unix:path=/run/x');
    expect(why).toContain(sentence);
    expect(why).not.toContain('\n');
  });

  it.each([
    ['org.freedesktop.DBus.Error.AccessDenied', 'put it into the group bluetooth'],
    ['org.freedesktop.DBus.Error.NoReply', 'bluetoothd is not on D-Bus'],
    ['deadline', 'bluetoothd does not answer'],
    ['org.bluez.Error.Failed', 'bluetoothd cannot be used: because'],
  ])('bluetoothd: %s', (type, sentence) => {
    expect(whyNoBluez(new BusError(type, 'because'))).toContain(sentence);
  });
});

it('an adapter that is not at its address is told with those that there are, and one that moves as that', () => {
  const address = '00:1B:DC:00:00:01';
  expect(noAdapterAt(address, [])).toBe(
    `bluetoothd has no adapter with the address ${address}, it has none: plug it in, or name another`,
  );
  expect(noAdapterAt(address, [{ name: 'hci2', address }])).toBe(
    `the adapter with the address ${address} is being plugged in or out: it is tried again`,
  );
});

/** As /etc/dbus-1/system.d/bluetooth.conf for a user who is not let in. */
const policy = (
  socket: string,
) => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=${socket}</listen>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow receive_sender="*"/>
    <deny send_destination="org.bluez"/>
  </policy>
</busconfig>`;

it.skipIf(!hasDbus)('a real D-Bus whose policy forbids BlueZ is told as that', async ({ onTestFinished }) => {
  const folder = mkdtempSync(join(tmpdir(), 'policy-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const socket = join(folder, 'bus');
  writeFileSync(join(folder, 'bus.conf'), policy(socket));
  const daemon = spawn(
    'dbus-daemon',
    [`--config-file=${join(folder, 'bus.conf')}`, '--nofork', '--nopidfile', '--print-address=1'],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  onTestFinished(() => void daemon.kill('SIGKILL'));
  await once(daemon.stdout, 'data');
  const address = `unix:path=${socket}`;
  const { bus: owner } = connectBluez(address);
  owner.on('error', () => {});
  onTestFinished(() => owner.disconnect());
  await (owner as unknown as { requestName(name: string): Promise<number> }).requestName('org.bluez');

  const bus = openBus({ log: { info() {}, warn() {}, error() {} }, address });
  onTestFinished(() => bus.close());
  const said: (string | undefined)[] = [];
  bus.follow({ onSession: () => said.push('a session'), onNone: (why) => said.push(why) });
  await until(() => said.length > 1, 'the lack to be told');
  expect(said[1]).toBe(
    'D-Bus does not let this user speak to bluetoothd (AccessDenied): put it into the group bluetooth (systemd: SupplementaryGroups=bluetooth)',
  );
});
