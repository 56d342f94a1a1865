import { type BusError, errors } from './errors.ts';
import { ATT, AttError } from './peripheral.ts';

/** Does it; what the peripheral refuses by an ATT error is thrown as bluetoothd tells it. */
export function attempt<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw error instanceof AttError ? fromAtt(error.code) : error;
  }
}

function fromAtt(code: number): BusError {
  switch (code) {
    case ATT.readNotPermitted:
      return errors.notPermitted('Read not permitted');
    case ATT.writeNotPermitted:
      return errors.notPermitted('Write not permitted');
    case ATT.requestNotSupported:
      return errors.notSupported();
    case ATT.invalidLength:
      return errors.invalidArguments('Invalid Length');
    default:
      return errors.att(code);
  }
}
