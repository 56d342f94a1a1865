import { BusError, errors } from './errors.ts';
import type { ReadOrder } from './orders.ts';

/** What becomes of a call before it reaches its object. */
export interface Faults {
  /** Throws the error that was ordered; true: never answer it. */
  meet(member: string): boolean;
  order(order: Extract<ReadOrder, { order: 'hang' | 'fail' | 'forbid' | 'mend' }>): void;
}

interface Fault {
  what: string;
  times: number;
  error?: BusError;
}

export function createFaults(): Faults {
  let faults: Fault[] = [];
  let forbidden = false;
  return {
    meet(member) {
      if (forbidden) throw errors.accessDenied();
      const fault = faults.find(({ what, times }) => times > 0 && (what === '*' || what === member));
      if (!fault) return false;
      fault.times--;
      if (fault.error) throw fault.error;
      return true;
    },
    order(said) {
      switch (said.order) {
        case 'hang':
          return void faults.push({ what: said.what, times: said.times });
        case 'fail':
          return void faults.push({
            what: said.what,
            times: said.times,
            error: new BusError(said.name, said.text),
          });
        case 'forbid':
          forbidden = said.on;
          return;
        case 'mend':
          faults = [];
          forbidden = false;
      }
    },
  };
}
