import type { ShopDevice } from '../decode.ts';
import type { DeviceCommand, StoredState } from '../outcome.ts';
import type { CentralCommand } from '../signal.ts';
import type { Emit } from './emit.ts';
import type { Thermostats } from './thermostats.ts';

/** A command on its way: kept until the device answers or its time is up, then as a spent nonce. */
interface Pending {
  id: string;
  action: string;
  device: string;
  args: Record<string, unknown>;
  expiresAt: number;
  done: boolean;
}

export interface Commands {
  /** Checks a command and sends it on, or says why not. */
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
  thermostats: Thermostats,
  stored: StoredState,
): Commands {
  const commands = new Map<string, Pending>();
  for (const [key, value] of stored.get('command')) commands.set(key, value as Pending);

  function order(command: CentralCommand, at: number, emit: Emit): string | undefined {
    const { id, action, args, expiresAt } = command;
    if (command.storeId !== identity.storeId || command.gateway !== identity.gateway) {
      return `command ${id} is for ${command.storeId}/${command.gateway}`;
    }
    // The id is the nonce: once taken, never again.
    if (commands.has(id)) return `command ${id} was taken before`;
    const { device: name, ...rest } = args;
    const device = typeof name === 'string' ? devices.get(name) : undefined;
    const pending: Pending = { id, action, device: device?.id ?? '', args: rest, expiresAt, done: false };
    const error = refusal(pending, device, at);
    if (error !== undefined) return void complete(pending, false, error, at, emit);
    keep(pending, emit);
    emit.command(toDevice(pending));
    return undefined;
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
    if (reply.ok && typeof pending.args.setpointC === 'number') {
      thermostats.obeyed(device.id, pending.args.setpointC, 'central');
    }
  }

  function tick(at: number, emit: Emit): void {
    for (const pending of commands.values()) {
      if (pending.expiresAt > at) continue;
      if (!pending.done) complete(pending, false, 'expired', at, emit);
      // An expired nonce is refused by its date: it need not be remembered.
      commands.delete(pending.id);
      emit.change('command', pending.id, null);
    }
  }

  function complete(pending: Pending, ok: boolean, error: string | undefined, at: number, emit: Emit): void {
    pending.done = true;
    keep(pending, emit);
    emit.event({
      name: 'command.completed',
      class: 'B',
      time: at,
      data: {
        id: pending.id,
        action: pending.action,
        ...(pending.device !== '' && { device: pending.device }),
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

function refusal(pending: Pending, device: ShopDevice | undefined, at: number): string | undefined {
  if (pending.expiresAt <= at) return 'expired';
  if (!device) return 'unknown device';
  const form = device.type.commands?.[pending.action];
  if (!form) return `${device.kind} has no command ${pending.action}`;
  const parsed = form.safeParse(pending.args);
  return parsed.success ? undefined : `refused: ${parsed.error.issues[0]?.message ?? 'wrong form'}`;
}

function toDevice({ id, action, device, args, expiresAt }: Pending): DeviceCommand {
  return { device, command: action, payload: { id, expiresAt: new Date(expiresAt).toISOString(), ...args } };
}
