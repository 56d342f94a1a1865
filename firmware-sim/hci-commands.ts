/** What a controller keeps between commands. */
export interface ControllerState {
  /** Six octets, least significant first. */
  address: Buffer;
  eventMask: bigint;
  leEventMask: bigint;
  scanning: boolean;
  filterDuplicates: boolean;
  /** Advertisers that were reported since scanning was enabled, while duplicates are filtered. */
  reported: Set<string>;
  /** Which family of scan commands the host uses: they do not mix, Core Spec vol 4 E §3.1.1. */
  family: 'none' | 'legacy' | 'extended';
  extendedOnly: boolean;
  refuseScan: number | undefined;
}

/** Core Spec vol 4 E §7.3.1 and §7.8.1: masks as they are after a reset. LE Meta is not among them. */
const DEFAULT_EVENT_MASK = 0x00001fffffffffffn;
const DEFAULT_LE_EVENT_MASK = 0x1fn;

const SUCCESS = 0x00;
const UNKNOWN_COMMAND = 0x01;
const COMMAND_DISALLOWED = 0x0c;
const INVALID_PARAMETERS = 0x12;

export function poweredOn(options: { address: string; extendedOnly: boolean }): ControllerState {
  return {
    address: Buffer.from(options.address.replaceAll(':', ''), 'hex').reverse(),
    extendedOnly: options.extendedOnly,
    refuseScan: undefined,
    ...afterReset(options.extendedOnly),
  };
}

/** The event that answers a command (Core Spec vol 4 E §7.7.14), with room for one more. */
export function answerCommand(state: ControllerState, opcode: number, parameters: Buffer): Buffer {
  const command = COMMANDS.get(opcode);
  const returned = command ? command(state, parameters) : [UNKNOWN_COMMAND];
  return Buffer.from([0x04, 0x0e, 3 + returned.length, 0x01, opcode & 0xff, opcode >> 8, ...returned]);
}

/** Carries a command out and returns its return parameters, the status first. */
type Command = (state: ControllerState, parameters: Buffer) => readonly number[];

const COMMANDS: ReadonlyMap<number, Command> = new Map<number, Command>([
  // Controller & Baseband, §7.3
  [0x0c03, reset],
  [0x0c01, (state, parameters) => setMask(parameters, (mask) => (state.eventMask = mask))],
  [0x0c6c, () => [SUCCESS, 0x01, 0x00]],
  [0x0c6d, () => [SUCCESS]],
  // Informational, §7.4: version 5.0, company 0xFFFF
  [0x1001, () => [SUCCESS, 0x09, 0x00, 0x00, 0x09, 0xff, 0xff, 0x00, 0x00]],
  [0x1002, () => [SUCCESS, ...supportedCommands()]],
  [0x1003, () => [SUCCESS, 0, 0, 0, 0, 0x60, 0, 0, 0]],
  [0x1005, () => [SUCCESS, 0xfb, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00]],
  [0x1009, ({ address }) => [SUCCESS, ...address]],
  // LE, §7.8
  [0x2001, (state, parameters) => setMask(parameters, (mask) => (state.leEventMask = mask))],
  [0x2002, () => [SUCCESS, 0xfb, 0x00, 0x08]],
  [0x2003, () => [SUCCESS, 0, 0x10, 0, 0, 0, 0, 0, 0]],
  [0x2005, (_, parameters) => [parameters.length === 6 ? SUCCESS : INVALID_PARAMETERS]],
  [0x200b, setScanParameters],
  [0x200c, (state, parameters) => enableScan(state, 'legacy', parameters, 2)],
  [0x2031, (_, parameters) => [parameters.length === 3 ? SUCCESS : INVALID_PARAMETERS]],
  [0x2041, setExtendedScanParameters],
  [0x2042, (state, parameters) => enableScan(state, 'extended', parameters, 6)],
]);

function afterReset(extendedOnly: boolean) {
  return {
    eventMask: DEFAULT_EVENT_MASK,
    leEventMask: DEFAULT_LE_EVENT_MASK,
    scanning: false,
    filterDuplicates: false,
    reported: new Set<string>(),
    family: extendedOnly ? ('extended' as const) : ('none' as const),
  };
}

function reset(state: ControllerState): number[] {
  Object.assign(state, afterReset(state.extendedOnly));
  return [SUCCESS];
}

function setMask(parameters: Buffer, set: (mask: bigint) => void): number[] {
  if (parameters.length !== 8) return [INVALID_PARAMETERS];
  set(parameters.readBigUInt64LE(0));
  return [SUCCESS];
}

/** §7.8.10 */
function setScanParameters(state: ControllerState, parameters: Buffer): number[] {
  if (!join(state, 'legacy') || state.scanning) return [COMMAND_DISALLOWED];
  const valid = parameters.length === 7 && areIntervals(parameters, 1);
  return [valid ? SUCCESS : INVALID_PARAMETERS];
}

/** §7.8.64: for each PHY in the mask a type, an interval and a window. */
function setExtendedScanParameters(state: ControllerState, parameters: Buffer): number[] {
  if (!join(state, 'extended') || state.scanning) return [COMMAND_DISALLOWED];
  const phys = parameters[2] ?? 0;
  const count = (phys & 0x01) + ((phys & 0x04) >> 2);
  if (count === 0 || parameters.length !== 3 + 5 * count) return [INVALID_PARAMETERS];
  const valid = Array.from({ length: count }, (_, i) => areIntervals(parameters, 4 + 5 * i)).every(Boolean);
  return [valid ? SUCCESS : INVALID_PARAMETERS];
}

/** §7.8.11 and §7.8.65 begin alike. */
function enableScan(
  state: ControllerState,
  family: 'legacy' | 'extended',
  parameters: Buffer,
  length: number,
): number[] {
  if (!join(state, family)) return [COMMAND_DISALLOWED];
  const [enable, filter] = parameters;
  if (parameters.length !== length || enable === undefined || enable > 1) return [INVALID_PARAMETERS];
  if (enable === 1 && state.refuseScan !== undefined) return [state.refuseScan];
  state.scanning = enable === 1;
  state.filterDuplicates = filter === 1;
  state.reported.clear();
  return [SUCCESS];
}

function join(state: ControllerState, family: 'legacy' | 'extended'): boolean {
  if (state.family === 'none') state.family = family;
  return state.family === family;
}

/** An interval and a window behind it: 2.5 ms to 10.24 s (or to 40.96 s, extended), the window within. */
function areIntervals(parameters: Buffer, at: number): boolean {
  const interval = parameters.readUInt16LE(at);
  const window = parameters.readUInt16LE(at + 2);
  return interval >= 4 && window >= 4 && window <= interval;
}

/** §6.27: octet 37, bits 5 and 6 are extended scanning; octet 26, bits 2 and 3 legacy. */
function supportedCommands(): number[] {
  const octets = new Array<number>(64).fill(0);
  octets[26] = 0b0000_1100;
  octets[37] = 0b0110_0000;
  return octets;
}
