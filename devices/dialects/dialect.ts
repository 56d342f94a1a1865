import type { Reading } from '../device.ts';

/**
 * How another maker's gateway publishes, as a plain value: one file each in this folder. Such a gateway is
 * one device of the shop; its `topics` in `aisle.yaml` are the filters of what is taken from it.
 */
export interface Dialect {
  /** As `dialect` in `aisle.yaml` names it. */
  name: string;
  /** The kind of device that speaks it. */
  kind: string;
  /** One line for the documentation. */
  summary: string;
  /**
   * The maker's own branch that a filter lies in: under it the gateway says things of itself, and under
   * `<branch>/commands` it listens. Nothing where the filter does not show it.
   */
  branch(filter: string): string | undefined;
  /**
   * What a message says; nothing in it that is of use here is an empty list. At most one frame a message.
   * Text says why it cannot be read: a fixed word, never a part of the message.
   */
  read(topic: string, payload: Uint8Array): Reading[] | 'not JSON' | 'wrong form';
}
