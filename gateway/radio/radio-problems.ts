import { type Adapter, adapterName } from './adapter.ts';
import { BusError, isNoRight } from './bluez/bus-error.ts';

/** Why noble could not open the adapter, and what to do: one sentence. */
export function whyNotOpen(error: NodeJS.ErrnoException, adapter: Adapter): string {
  const name = adapterName(adapter);
  switch (error.code) {
    case 'EAFNOSUPPORT':
      return `this machine's kernel has no Bluetooth (EAFNOSUPPORT): load its module, or give inputs.radio.adapter tcp:<host>:<port>`;
    case 'ENODEV':
      return `there is no adapter ${name} (ENODEV): /sys/class/bluetooth lists those there are`;
    case 'EPERM':
    case 'EACCES':
      return noRight(name);
    case 'MODULE_NOT_FOUND':
      return missingModule(error);
    case 'ERR_DLOPEN_FAILED':
      return `noble's native part does not fit this Node ${process.version} (ERR_DLOPEN_FAILED): ${REBUILD}`;
    default:
      return `${name} cannot be opened: ${error.message.split('\n')[0]}`;
  }
}

export function noRight(name: string): string {
  return `no right to use ${name}: the radio process needs CAP_NET_RAW and CAP_NET_ADMIN (systemd: AmbientCapabilities=)`;
}

export function noLowEnergy(name: string): string {
  return `${name} does not speak Bluetooth Low Energy: use another adapter`;
}

export function scanRefused(name: string, status: number): string {
  const code = `0x${status.toString(16).padStart(2, '0')}`;
  return `${name} refuses to scan (HCI error ${code}, Core Spec vol 1 F): another program may be using it`;
}

const REBUILD =
  'npm rebuild @abandonware/bluetooth-hci-socket (it needs gcc, make and python3), or use inputs.radio.driver bluez';

/** noble is an optional dependency: an install goes on without it where its native part cannot be built. */
function missingModule({ message }: Error): string {
  if (message.includes('.node')) {
    return `noble's native part was not built at install (MODULE_NOT_FOUND): ${REBUILD}`;
  }
  return `noble is not installed (MODULE_NOT_FOUND): npm install --include=optional, or use inputs.radio.driver bluez`;
}

/** Why there is no D-Bus connection, and what to do: one sentence. */
export function whyNoBus(error: NodeJS.ErrnoException & { type?: string }, address?: string): string {
  const bus = address ?? process.env.DBUS_SYSTEM_BUS_ADDRESS ?? 'the system bus';
  switch (error.code ?? error.type) {
    case 'MODULE_NOT_FOUND':
      return 'node-ble is not installed (MODULE_NOT_FOUND): npm install, or use inputs.radio.driver noble';
    case 'ENOENT':
    case 'ECONNREFUSED':
      return `there is no D-Bus at ${bus} (${error.code}): start dbus, or let its socket into the container`;
    case 'EACCES':
    case 'EPERM':
      return `no right to connect to D-Bus at ${bus} (${error.code}): let the radio process' user in`;
    case 'deadline':
      return `D-Bus at ${bus} does not answer`;
    default:
      if (error.message.startsWith('authentication failed')) {
        return `D-Bus at ${bus} refuses this user: run the radio process as one that the machine knows`;
      }
      return `D-Bus at ${bus} cannot be used: ${error.message.split('\n')[0]}`;
  }
}

/** Why bluetoothd, which is on the bus, is of no use. */
export function whyNoBluez(error: BusError): string {
  if (isNoRight(error)) return noRightToBluez();
  if (error.type === 'deadline') return notAnswering();
  if (/NoReply|ServiceUnknown|NameHasNoOwner/.test(error.type)) return noBluetoothd();
  return `bluetoothd cannot be used: ${error.message}`;
}

export function noRightToBluez(): string {
  return 'D-Bus does not let this user speak to bluetoothd (AccessDenied): put it into the group bluetooth (systemd: SupplementaryGroups=bluetooth)';
}

export function noBluetoothd(): string {
  return 'bluetoothd is not on D-Bus: systemctl start bluetooth (package bluez)';
}

export function notAnswering(): string {
  return 'bluetoothd does not answer: systemctl restart bluetooth';
}

export function busGone(): string {
  return 'the D-Bus connection was closed: it is opened again';
}

export function noAdapter(name: string): string {
  return `bluetoothd has no adapter ${name}: bluetoothctl list shows those it has; plug it in, or name another`;
}

/** `has`: the adapters that bluetoothd has, as far as its signals have come. */
export function noAdapterAt(address: string, has: readonly { name: string; address: string }[]): string {
  if (has.some(({ address: other }) => other === address)) {
    return `the adapter with the address ${address} is being plugged in or out: it is tried again`;
  }
  const there = has.map(({ name, address: other }) => `${name} (${other})`).join(', ');
  return `bluetoothd has no adapter with the address ${address}, it has ${there || 'none'}: plug it in, or name another`;
}

export function noblesAdapter({ name, address }: { name: string; address: string }): string {
  return `the adapter with the address ${address} is ${name}, which is noble's already: BlueZ needs an adapter of its own, or set driver: bluez`;
}

export function poweredOff(name: string): string {
  return `${name} is powered off: \`bluetoothctl power on\`, or \`rfkill unblock bluetooth\``;
}

/** Why a device cannot be connected to: what is wrong with `name`, the adapter, or what BlueZ says of the device. */
export function whyNoLink(error: Error, name: string): string {
  if (!(error instanceof BusError)) return error.message;
  if (isNoRight(error)) return noRightToBluez();
  if (error.type === 'org.bluez.Error.NotReady' || error.message.includes('adapter-not-powered')) {
    return poweredOff(name);
  }
  return error.message;
}

export function discoveryRefused(name: string, error: BusError): string {
  return `${name} refuses to scan (${error.message}): another program may be using it`;
}

export function stillSilent(name: string): string {
  return `${name} hears nothing after its scan and itself were restarted: unplug it, or restart this machine`;
}
