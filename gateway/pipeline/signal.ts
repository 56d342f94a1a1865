import type { Advertisement, Message } from '../../devices/device.ts';
import type { ConsentList } from '../consent-list.ts';
import type { Purpose } from '../consent-record.ts';
import type { Holder } from '../consents.ts';

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

/** What somebody chose in the shop, about themselves. */
export interface Choice {
  /** By what means, as events and the audit name it. */
  channel: 'kiosk' | 'check-in' | 'button' | 'app';
  holder: Holder;
  choice: 'withdraw' | { purposes: readonly Purpose[]; language?: string | undefined };
}

/** Everything that can happen to the pipeline. Each can be recorded and replayed. */
export type Signal =
  | Advertisement
  | Message
  | ({ kind: 'consents'; at: number; cursor?: unknown } & ConsentList)
  | { kind: 'command'; at: number; command: CentralCommand; cursor?: unknown }
  | ({ kind: 'choice'; at: number } & Choice)
  /** Somebody asks to be forgotten altogether. */
  | { kind: 'erase'; at: number; subjectRef: string; cursor?: unknown }
  /** Time passes; `synchronised: false` says that the clock cannot be trusted, which stops recognition. */
  | { kind: 'tick'; at: number; synchronised?: boolean };
