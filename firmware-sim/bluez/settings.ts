/** Times of the mock, ms. */
export interface Settings {
  /** A device that is not heard for so long is removed (`TemporaryTimeout`); 0: never. */
  temporaryMs: number;
  /** A Connect that succeeds. */
  connectMs: number;
  /** A Connect that finds nobody: the kernel's 20 to 40 s. */
  connectTimeoutMs: number;
  /** A read, a write, a subscription; Disconnect, and again as long from its reply to `Connected: false`. */
  airMs: number;
}

/** Finding the services takes as many exchanges over the air. */
export const EXCHANGES_TO_RESOLVE = 4;
