import type { ForwardState } from '../../forward.ts';
import type { OutboxCounts } from '../../outbox/counts.ts';
import type { KnownDevice, Readiness } from '../readiness.ts';
import type { SinkState } from '../sink.ts';

type Counts = Readonly<Record<string, number>>;

/** What is read of the gateway at a scrape. */
export interface Figures {
  /** ms since the epoch. */
  at: number;
  /** Clients of the broker. */
  connections: number;
  /** By what was refused, since the start; words of `Refusal`, and `no room`. */
  refused: Counts;
  /** By why a message said nothing, since the start. */
  dropped: Counts;
  /** How often a device was read more slowly, since the start; by device, which is not told here. */
  slowed: Counts;
  outbox: OutboxCounts;
  /** A count that the outbox keeps (`event-counts.ts`). */
  counted: (name: string) => number;
  /** By label. */
  uplinks: ReadonlyMap<string, ForwardState>;
  /** Of the devices that are configured. */
  devices: readonly KnownDevice[];
  receivers: readonly KnownDevice[];
  /** Records in force. */
  consents: number;
  list: { version: number; issuedAt: number | null } | undefined;
  recognises: boolean;
  synchronised: boolean;
  sinks: readonly SinkState[];
  /** Points for the time series that became no sample, since the start. */
  unmeasured: number;
  readiness: Readiness;
}
