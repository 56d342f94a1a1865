/** An error that a caller gets over D-Bus. */
export class BusError extends Error {
  readonly text: string;
  constructor(name: string, text: string) {
    super(text);
    this.name = name;
    this.text = text;
  }
}

const BLUEZ = 'org.bluez.Error';
const FREEDESKTOP = 'org.freedesktop.DBus.Error';

/** The errors of bluetoothd (src/error.c) and of its D-Bus library (gdbus/object.c), with their texts. */
export const errors = {
  inProgress: (text = 'Operation already in progress') => new BusError(`${BLUEZ}.InProgress`, text),
  notReady: () => new BusError(`${BLUEZ}.NotReady`, 'Resource Not Ready'),
  notConnected: () => new BusError(`${BLUEZ}.NotConnected`, 'Not Connected'),
  notPermitted: (text: string) => new BusError(`${BLUEZ}.NotPermitted`, text),
  notSupported: () => new BusError(`${BLUEZ}.NotSupported`, 'Operation is not supported'),
  doesNotExist: () => new BusError(`${BLUEZ}.DoesNotExist`, 'Does Not Exist'),
  invalidArguments: (text = 'Invalid arguments in method call') =>
    new BusError(`${BLUEZ}.InvalidArguments`, text),
  failed: (text: string) => new BusError(`${BLUEZ}.Failed`, text),
  /** Core Spec vol 3 F §3.4.1.1. */
  att: (code: number) =>
    errors.failed(`Operation failed with ATT error: 0x${code.toString(16).padStart(2, '0')}`),
  accessDenied: () => new BusError(`${FREEDESKTOP}.AccessDenied`, 'Rejected send message'),
  unknownObject: (member: string, signature: string, iface: string) =>
    new BusError(
      `${FREEDESKTOP}.UnknownObject`,
      `Method "${member}" with signature "${signature}" on interface "${iface}" doesn't exist\n`,
    ),
  unknownMethod: (member: string, signature: string, iface: string) =>
    new BusError(
      `${FREEDESKTOP}.UnknownMethod`,
      `Method "${member}" with signature "${signature}" on interface "${iface}" doesn't exist\n`,
    ),
  noInterface: (iface: string) => new BusError(`${FREEDESKTOP}.InvalidArgs`, `No such interface '${iface}'`),
  noProperty: (name: string) => new BusError(`${FREEDESKTOP}.InvalidArgs`, `No such property '${name}'`),
  unknownProperty: (name: string) =>
    new BusError(`${FREEDESKTOP}.UnknownProperty`, `No such property '${name}'`),
  readOnly: (name: string) =>
    new BusError(`${FREEDESKTOP}.PropertyReadOnly`, `Property '${name}' is not writable`),
  invalidSignature: (name: string) =>
    new BusError(`${FREEDESKTOP}.InvalidSignature`, `Invalid signature for '${name}'`),
};
