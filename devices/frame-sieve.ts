import { type Crowd, type CrowdWindow, crowdWindow } from './crowd-window.ts';
import type { HeardFrame } from './device.ts';
import type { WaitingFrame } from './frame-batch.ts';
import { type FrameFilter, frameFilter, listedAddresses, readFramesCommand } from './frame-filter.ts';
import { frameRepeats } from './frame-repeats.ts';
import { type IsOptedOut, optedOut } from './opt-out.ts';
import { toHex } from './wire/hex.ts';

const CROWD_KEY_BYTES = 32;

/**
 * What becomes of every frame that a receiver hears: passed on, left out as a repeat, or counted and forgotten;
 * and of one whose sender objected to all of that, nothing (R22).
 */
export interface FrameSieve {
  /**
   * Takes the payload of the retained command `frames`. Returns how many entries it has, or nothing where it
   * cannot be read and the list before stays. An empty payload takes the list back.
   */
  accept(payload: Uint8Array, at: number): number | undefined;
  /** The frame to pass on, if it is one. Before a list came nothing is passed on and nobody counted. */
  heard(frame: Omit<HeardFrame, 'ageMs'>, at: number): WaitingFrame | undefined;
  /** Ends the window: its count, and a new window under a new key. Nothing where no frame was heard. */
  closeWindow(at: number): Crowd | undefined;
}

/** `at` is ms on one monotonic clock throughout. */
export function frameSieve(randomBytes: (count: number) => Uint8Array): FrameSieve {
  const repeats = frameRepeats();
  let accepts: FrameFilter | undefined;
  let isOptedOut: IsOptedOut = optedOut(undefined);
  let crowd: CrowdWindow | undefined;
  const openWindow = (at: number): CrowdWindow => crowdWindow(randomBytes(CROWD_KEY_BYTES), at);

  return {
    accept(payload, at) {
      const command = readFramesCommand(payload);
      if (!command) return undefined;
      accepts = payload.length > 0 ? frameFilter(command.accept) : undefined;
      isOptedOut = optedOut(command.optOut, listedAddresses(command.accept));
      crowd = accepts ? (crowd ?? openWindow(at)) : undefined;
      return command.accept.length;
    },
    heard({ address, addressType, rssi, data }, at) {
      if (!accepts || isOptedOut(address)) return undefined;
      if (!accepts(data, address, addressType)) {
        crowd?.heard(address, rssi);
        return undefined;
      }
      // R18: an address that is only tried is one of the crowd; nearly all of them are strangers'.
      if (accepts(data, address)) crowd?.ours(address);
      else crowd?.heard(address, rssi);
      const hex = toHex(data);
      if (repeats.isRepeat(address, hex, rssi, at)) return undefined;
      return { address, addressType, rssi, data: hex, at };
    },
    closeWindow(at) {
      repeats.forget(at);
      if (!crowd) return undefined;
      const count = crowd.close(at);
      crowd = openWindow(at);
      return count;
    },
  };
}
