import type { Placed } from './air.ts';
import { errors } from './errors.ts';
import { ATT, AttError, type GattCharacteristic } from './peripheral.ts';

export type WriteType = 'request' | 'command' | 'reliable';

/** How it is written: what is asked for is tried, whatever the characteristic says of itself; what is not is chosen by that. */
export function writeType({ flags }: GattCharacteristic, options: unknown): WriteType {
  const asked = (options as { type?: { value: string } }).type?.value;
  if (asked === 'request' || asked === 'command' || asked === 'reliable') return asked;
  if (asked !== undefined) throw errors.invalidArguments();
  if (flags.includes('write')) return 'request';
  if (flags.includes('write-without-response')) return 'command';
  throw errors.notSupported();
}

/** A write reaches the peripheral. */
export function arrive(
  placed: Placed,
  { flags, maxLength = 512, write }: GattCharacteristic,
  { type, value }: { type: WriteType; value: Buffer },
): void {
  const needed = type === 'command' ? 'write-without-response' : 'write';
  if (!write || !flags.includes(needed)) {
    // A command is answered by nobody.
    if (type === 'command') return;
    throw new AttError(ATT.writeNotPermitted);
  }
  // Neither thermostat knows prepared writes.
  if (type === 'reliable') throw new AttError(ATT.requestNotSupported);
  if (value.length > maxLength) throw new AttError(ATT.invalidLength);
  placed.writes.push(value.toString('hex'));
  if (placed.deafTo > 0) placed.deafTo--;
  else write(Buffer.from(value));
}
