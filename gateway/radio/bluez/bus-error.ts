/** Why a call on the bus failed: `type` is an error reply's D-Bus name, or `deadline`, or `over`. */
export class BusError extends Error {
  readonly type: string;
  constructor(type: string, text: string) {
    super(text);
    this.type = type;
  }
}

/** What dbus-next and node-ble reject with: a DBusError with a name and a text, or a plain Error. */
export function busError(error: unknown, what: string): BusError {
  if (error instanceof BusError) return error;
  const { type, text, message } = error as { type?: unknown; text?: unknown; message?: unknown };
  const name = typeof type === 'string' ? type : 'failed';
  const words = typeof text === 'string' && text !== '' ? text : String(message ?? name);
  return new BusError(name, `${what}: ${words.split('\n')[0]}`);
}

/** A right is missing on the bus: its policy (system.d/bluetooth.conf), or the socket's permissions. */
export function isNoRight({ type }: BusError): boolean {
  return type === 'org.freedesktop.DBus.Error.AccessDenied' || type === 'org.bluez.Error.NotAuthorized';
}

/** The object is no more: bluetoothd forgot the device, or the adapter was unplugged. */
export function isNoObject({ type }: BusError): boolean {
  return (
    type === 'org.freedesktop.DBus.Error.UnknownObject' ||
    // BlueZ before 5.5x, for an object that is gone.
    type === 'org.freedesktop.DBus.Error.UnknownMethod' ||
    type === 'org.freedesktop.DBus.Error.UnknownInterface'
  );
}
