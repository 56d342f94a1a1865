import { type Adapter, adapterName } from './adapter.ts';

/** Why the adapter could not be opened, and what to do: one sentence. */
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
