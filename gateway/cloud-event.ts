import type { StoreEvent } from './pipeline/outcome.ts';

/** What makes an event of this gateway a CloudEvent. */
export interface Envelope {
  /** `urn:aisle:store:<store>:gateway:<gateway>` */
  source: string;
  /** 8 hex digits, new with every new, salvaged or restored database. */
  epoch: string;
  sequence: number;
  /** ms since the epoch. */
  recordedAt: number;
  expiresAt?: number | undefined;
  boot?: BootStamp | undefined;
}

/**
 * From which run of the gateway an event is, and how sure its clock was (P13): where the wall clock was
 * wrong, what happened between two events of one boot can still be told.
 */
export interface BootStamp {
  /** 8 hex digits, new with each start. */
  id: string;
  /** Since the start, ms; goes on over corrections of the wall clock. */
  monotonicMs: number;
  synchronised: boolean;
}

/** `sequence` is compared as text (CloudEvents sequence extension), hence the zeros. */
const SEQUENCE_DIGITS = 20;

export function sourceOf(store: { id: string; gateway: string }): string {
  return `urn:aisle:store:${store.id}:gateway:${store.gateway}`;
}

export function idOf(epoch: string, sequence: number): string {
  return `${epoch}-${String(sequence).padStart(SEQUENCE_DIGITS, '0')}`;
}

/** The event as JSON, CloudEvents 1.0 §3.1 and JSON format §3; nothing personal outside of `data`. */
export function cloudEvent(event: StoreEvent, envelope: Envelope): string {
  return withData(cloudEventHead(event, envelope), JSON.stringify(event.data));
}

/** A head and its `data`, both JSON, as one event. */
export function withData(head: string, data: string): string {
  return `${head.slice(0, -1)},"data":${data}}`;
}

/** Everything but `data`: what may lie readable on disk while the event waits. */
export function cloudEventHead(event: StoreEvent, envelope: Envelope): string {
  const { source, epoch, sequence, recordedAt, expiresAt, boot } = envelope;
  return JSON.stringify({
    specversion: '1.0',
    id: idOf(epoch, sequence),
    source,
    type: `aisle.${event.name}.v1`,
    time: new Date(event.time).toISOString(),
    recordedtime: new Date(recordedAt).toISOString(),
    ...(expiresAt !== undefined && { expirytime: new Date(expiresAt).toISOString() }),
    epoch,
    sequence: String(sequence).padStart(SEQUENCE_DIGITS, '0'),
    ...(event.causationId !== undefined && { causationid: event.causationId }),
    ...(event.visitId !== undefined && { partitionkey: event.visitId }),
    ...(boot !== undefined && stamp(boot)),
    datacontenttype: 'application/json',
    dataschema: `urn:aisle:schema:${event.name}:v1`,
  });
}

/** As text: CloudEvents integers end at 2^31, which is 24 days (CloudEvents 1.0 §2.1.1). */
function stamp({ id, monotonicMs, synchronised }: BootStamp): Record<string, string> {
  return {
    bootid: id,
    monotonicms: String(Math.floor(monotonicMs)),
    timequality: synchronised ? 'synced' : 'unsynced',
  };
}
