import type { OpenRadio, Radio } from './driver.ts';
import { poweredOff } from './radio-problems.ts';
import { isSame, type RadioLog, type RadioState } from './radio-state.ts';

/** A radio that failed or is off is opened anew this often: adapters are unplugged, and plugged in again. */
const REOPEN_MS = 30_000;
/** A silent one later: the driver restarts the scan and the adapter first. */
const REOPEN_SILENT_MS = 300_000;
/** Each new attempt says `starting`; only one that does not end at once is worth telling. */
const STARTING_MS = 2_000;

export interface KeepOpenOptions {
  open(onState: (state: RadioState) => void): ReturnType<OpenRadio>;
  /** How the radio is, at each change. */
  onState(state: RadioState): void;
  /** The adapter, for people. */
  name: string;
  log: RadioLog;
  reopenMs?: number;
  startingMs?: number;
}

/** Keeps a radio open until `close`, whatever becomes of it, and says in a line on the log what that is. */
export function keepOpen(options: KeepOpenOptions): Radio {
  const { open, onState, name, log, reopenMs = REOPEN_MS, startingMs = STARTING_MS } = options;
  let radio: Radio | undefined;
  let reopen: NodeJS.Timeout | undefined;
  let starting: NodeJS.Timeout | undefined;
  let closed = false;
  let told: RadioState | undefined;
  let said: string | undefined;

  const tell = (state: RadioState): void => {
    if (isSame(state, told)) return;
    told = state;
    onState(state);
  };
  const take = (state: RadioState): void => {
    if (closed) return;
    clearTimeout(reopen);
    clearTimeout(starting);
    if (state.kind === 'starting') {
      if (told === undefined) tell(state);
      else starting = setTimeout(tell, startingMs, state);
      return;
    }
    tell(state);
    if (state.kind === 'silent') reopen = setTimeout(start, REOPEN_SILENT_MS);
    else if (state.kind !== 'scanning') reopen = setTimeout(start, reopenMs);
    const text = inWords(state, name);
    if (text !== said) (state.kind === 'scanning' ? log.info : log.warn).call(log, text);
    said = text;
  };
  const start = (): void => {
    radio?.close();
    if (!closed) radio = open(take);
  };
  start();
  return {
    close() {
      closed = true;
      clearTimeout(reopen);
      clearTimeout(starting);
      radio?.close();
    },
  };
}

function inWords(state: Exclude<RadioState, { kind: 'starting' }>, name: string): string {
  switch (state.kind) {
    case 'off':
      return poweredOff(name);
    case 'scanning':
      return `${name} hears advertisements`;
    case 'silent':
      return `${name} scans and hears nothing: it hangs, or the process may not read from it; it is being restarted`;
    case 'failed':
      return state.why;
  }
}
