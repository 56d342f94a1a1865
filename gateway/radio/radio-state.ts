/** What the driver of a radio says of it. `scanning` is said only while frames come; `why` is one sentence. */
export type RadioState =
  /** The adapter is powered off. */
  | { kind: 'off' }
  /** Asked to scan, nothing heard yet. */
  | { kind: 'starting' }
  | { kind: 'scanning' }
  /** Scans as far as the controller says, and has heard nothing for long. */
  | { kind: 'silent' }
  | { kind: 'failed'; why: string };

export function isSame(a: RadioState, b: RadioState | undefined): boolean {
  return a.kind === b?.kind && (a.kind !== 'failed' || b.kind !== 'failed' || a.why === b.why);
}

/** The part of a logger that the radio uses; pino's fits. */
export interface RadioLog {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}
