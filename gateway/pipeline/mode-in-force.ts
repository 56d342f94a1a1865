import type { Config } from '../config.ts';
import type { Consents } from '../consents.ts';
import type { Emit } from './context/emit.ts';
import type { StoredState } from './outcome.ts';

export interface Recognises {
  ok: boolean;
  /** Why nobody is recognised. */
  reason?: string;
}

/**
 * The mode in force, which is not always the one wished for: `identify` needs a notice for the shoppers
 * (R28), a clock that is sure and a list that is fresh (R9), and falls back to `anonymous` by itself.
 * Each change is told to the audit.
 */
export interface ModeInForce {
  /** What a tick says of the clock; nothing where it says nothing. */
  clock(synchronised: boolean | undefined): void;
  /** False where mode, notice or clock stop recognition; the list's age is asked with each record. */
  permits(): boolean;
  recognises(at: number): Recognises;
  /** Notes a change. */
  keep(at: number, emit: Emit): void;
}

export function createModeInForce(config: Config, consents: Consents, stored: StoredState): ModeInForce {
  let synchronised = config.clock.source === 'trusted';
  let kept = stored.get('mode').get('') as string | undefined;

  function whyNot(): string | undefined {
    if (config.mode !== 'identify') return `mode is ${config.mode}`;
    if (!config.store.notice) return 'store.notice is missing: shoppers cannot be told what they agree to';
    return synchronised ? undefined : 'the clock is not synchronised';
  }

  function recognises(at: number): Recognises {
    const reason = whyNot() ?? whyNotByList(consents, at);
    return reason === undefined ? { ok: true } : { ok: false, reason };
  }

  return {
    clock(sure) {
      synchronised = sure ?? synchronised;
    },
    permits: () => whyNot() === undefined,
    recognises,
    keep(at, emit) {
      const { ok, reason } = recognises(at);
      const inForce = ok ? 'identify' : `${config.mode === 'off' ? 'off' : 'anonymous'}: ${reason}`;
      if (inForce === kept) return;
      kept = inForce;
      emit.change('mode', '', inForce);
      emit.audit({ what: 'mode', detail: inForce });
    },
  };
}

function whyNotByList(consents: Consents, at: number): string | undefined {
  if (consents.fresh(at)) return undefined;
  return consents.inForce() ? 'the consent list is too old' : 'no consent list yet';
}
