import type { Advertisement, Message } from '../../devices/device.ts';
import type { ConsentList } from '../consents.ts';

/** A command of the central platform, its signature checked. Times are ms since the epoch. */
export interface CentralCommand {
  id: string;
  storeId: string;
  gateway: string;
  action: string;
  args: Record<string, unknown>;
  issuedAt: number;
  expiresAt: number;
}

/** Everything that can happen to the pipeline. Each can be recorded and replayed. */
export type Signal =
  | Advertisement
  | Message
  | ({ kind: 'consents'; at: number; cursor?: unknown } & ConsentList)
  | { kind: 'command'; at: number; command: CentralCommand; cursor?: unknown }
  /** Time passes; `synchronised: false` says that the clock cannot be trusted, which stops recognition. */
  | { kind: 'tick'; at: number; synchronised?: boolean };
