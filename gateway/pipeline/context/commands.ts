import type { ShopDevice } from '../decode.ts';
import type { DeviceCommand, StoredState } from '../outcome.ts';
import type { CentralCommand } from '../signal.ts';
import type { Emit } from './emit.ts';
import type { Thermostats } from './thermostats.ts';

/** A command that ended is remembered for so long after its time is up, ms: played back, it is refused. */
const REMEMBERED_FOR = 24 * 3_600_000;
/** So many are remembered for longer: a clock that was ahead for a moment forgets none (P13). */
const REMEMBERED = 256;

/** A command on its way: kept until the device answers or its time is up, then as a spent nonce. */
interface Pending {
  id: string;
  action: string;
  /** Empty where the command named no device of the shop. */
  device: string;
  args: Record<string, unknown>;
  expiresAt: number;
  done: boolean;
}

export interface Commands {
  /** Checks a command and sends it on; one that is not for us or was here before is refused, with the reason. */
  order(command: CentralCommand, at: number, emit: Emit): string | undefined;
  replied(
    device: ShopDevice,
    reply: { command: string; id: string; ok: boolean; error?: string },
    at: number,
    emit: Emit,
  ): void;
  tick(at: number, emit: Emit): void;
  /** What a device that just came back has not answered yet. */
  waitingFor(device: string, at: number): DeviceCommand[];
}

/** Commands of the central platform to devices: each ends once, confirmed, refused or expired. */
export function createCommands(
  identity: { storeId: string; gateway: string },
  devices: ReadonlyMap<string, ShopDevice>,
  {
    thermostats,
    erase,
  }: { thermostats: Thermostats; erase: (subjectRef: string, at: number, emit: Emit) => void },
  stored: StoredState,
): Commands {
  const commands = new Map<string, Pending>();
  for (const [key, value] of stored.get('command')) {
    const pending = value as Pending;
    commands.set(key, pending);
    if (!pending.done) expectSetpoint(pending);
  }

  function order(command: CentralCommand, at: number, emit: Emit): string | undefined {
    const { id, storeId, gateway, expiresAt } = command;
    if (storeId !== identity.storeId || gateway !== identity.gateway) {
      return `command ${id} is for gateway ${gateway} of store ${storeId}`;
    }
    // The id is the nonce: once taken, never again.
    if (commands.has(id)) return `command ${id} was taken before`;
    if (expiresAt + REMEMBERED_FOR <= at) return `command ${id} expired over a day ago`;
    if (command.action === 'erase') return void eraseSubject(command, at, emit);
    const read = readOrder(command, devices, at);
    const pending: Pending = {
      id,
      action: command.action,
      device: read.device ?? '',
      args: read.args,
      expiresAt,
      done: false,
    };
    if (read.error !== undefined) return void complete(pending, false, read.error, at, emit);
    keep(pending, emit);
    expectSetpoint(pending);
    emit.command(toDevice(pending));
    return undefined;
  }

  /** Done here and at once; whose data it was is not kept with the spent nonce. */
  function eraseSubject({ id, action, args, expiresAt }: CentralCommand, at: number, emit: Emit): void {
    const pending: Pending = { id, action, device: '', args: {}, expiresAt, done: false };
    const ref = args.subjectRef;
    const error = expiresAt <= at ? 'expired' : 'subjectRef: expected 1 to 128 characters';
    const isReadable = typeof ref === 'string' && ref.length > 0 && ref.length <= 128;
    if (!isReadable || expiresAt <= at) return complete(pending, false, error, at, emit);
    erase(ref, at, emit);
    complete(pending, true, undefined, at, emit);
  }

  function expectSetpoint(pending: Pending): void {
    const setpointC = setpointOf(pending);
    if (setpointC !== undefined) thermostats.ordered(pending.device, setpointC, 'central');
  }

  function replied(
    device: ShopDevice,
    reply: { command: string; id: string; ok: boolean; error?: string },
    at: number,
    emit: Emit,
  ): void {
    const pending = commands.get(reply.id);
    if (!pending || pending.done || pending.device !== device.id || pending.action !== reply.command) return;
    complete(pending, reply.ok, reply.error, at, emit);
  }

  function tick(at: number, emit: Emit): void {
    for (const pending of commands.values()) {
      if (pending.expiresAt > at) continue;
      if (!pending.done) complete(pending, false, 'expired', at, emit);
      if (commands.size <= REMEMBERED || pending.expiresAt + REMEMBERED_FOR > at) continue;
      commands.delete(pending.id);
      emit.change('command', pending.id, null);
    }
  }

  function complete(pending: Pending, ok: boolean, error: string | undefined, at: number, emit: Emit): void {
    const { id, action, device } = pending;
    const setpointC = setpointOf(pending);
    pending.done = true;
    keep(pending, emit);
    if (!ok && setpointC !== undefined) thermostats.refused(device, setpointC);
    emit.event({
      name: 'command.completed',
      class: 'B',
      time: at,
      data: {
        id,
        action,
        ...(device !== '' && { device }),
        ok,
        ...(error !== undefined && { error }),
        by: 'central',
      },
    });
  }

  function keep(pending: Pending, emit: Emit): void {
    commands.set(pending.id, pending);
    emit.change('command', pending.id, pending);
  }

  return {
    order,
    replied,
    tick,
    waitingFor: (device, at) =>
      [...commands.values()]
        .filter((pending) => pending.device === device && !pending.done && pending.expiresAt > at)
        .map(toDevice),
  };
}

function setpointOf({ action, args }: Pending): number | undefined {
  return action === 'setpoint' && typeof args.setpointC === 'number' ? args.setpointC : undefined;
}

/** The device and the arguments in its own form, or what is wrong. */
function readOrder(
  { action, args: { device: name, ...args }, expiresAt }: CentralCommand,
  devices: ReadonlyMap<string, ShopDevice>,
  at: number,
): { device?: string; args: Record<string, unknown>; error?: string } {
  const device = typeof name === 'string' ? devices.get(name) : undefined;
  const refuse = (error: string) => ({ args: {}, error, ...(device && { device: device.id }) });
  if (expiresAt <= at) return refuse('expired');
  if (!device) return refuse(name === undefined ? `action ${action} is not available` : 'unknown device');
  const { commands = {} } = device.type;
  const form = Object.hasOwn(commands, action) ? commands[action] : undefined;
  if (!form) return refuse(`${device.kind} has no command ${action}`);
  const parsed = form.safeParse(args);
  if (parsed.success) return { device: device.id, args: parsed.data };
  const issue = parsed.error.issues[0];
  return refuse(`${issue?.path.join('.') || 'args'}: ${issue?.message ?? 'wrong form'}`);
}

function toDevice({ id, action, device, args, expiresAt }: Pending): DeviceCommand {
  return { device, command: action, payload: { ...args, id, expiresAt: new Date(expiresAt).toISOString() } };
}
