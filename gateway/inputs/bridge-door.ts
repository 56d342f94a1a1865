import type { Message, Reading } from '../../devices/device.ts';
import { type FrameFilter, frameFilter, listedAddresses } from '../../devices/frame-filter.ts';
import { type IsOptedOut, type OptOutList, optedOut } from '../../devices/opt-out.ts';
import type { ShopDevice } from '../pipeline/decode.ts';
import { withoutOptedOut } from './opt-out-door.ts';

/**
 * Where strangers whom another maker's gateway heard are cut off (R1, R2): its messages carry addresses in
 * topic and payload, so what the shop's list of frames does not name ends here. It enters no queue, no
 * stage and no log; it is acknowledged, or the gateway would send it again. Nothing is kept of it, not
 * even a count.
 */
export interface BridgeDoor {
  /**
   * The names that receivers are told (`devices/frame-filter.ts`), and whose frames end here whatever they
   * are (R22). Before the first list nothing passes.
   */
  accept(names: readonly string[], optOut?: OptOutList): void;
  /** For a message that goes no further: `dropped` where it could not be read. Nothing where it may pass. */
  turnsAway(message: Message): { dropped?: string } | undefined;
  /** A receiver's message without the frames of those who objected: it may be one that knows no such list. */
  withoutOptedOut(message: Message): Message;
}

export function createBridgeDoor(devices: readonly ShopDevice[]): BridgeDoor {
  const bridges = new Map(
    devices.flatMap(({ id, bridge }) => (bridge ? [[id, bridge.dialect] as const] : [])),
  );
  let isAccepted: FrameFilter = () => false;
  let isOptedOut: IsOptedOut = () => false;
  let hasOptOuts = false;
  return {
    accept(names, optOut) {
      isAccepted = frameFilter(names);
      isOptedOut = optedOut(optOut, listedAddresses(names));
      hasOptOuts = optOut !== undefined;
    },
    turnsAway({ device, topic, payload }) {
      const dialect = bridges.get(device);
      if (!dialect) return undefined;
      const said = dialect.read(topic, payload);
      if (typeof said === 'string') return { dropped: said };
      return said.some(mayPass) ? undefined : {};
    },
    withoutOptedOut: (message) => (hasOptOuts ? withoutOptedOut(message, isOptedOut) : message),
  };

  function mayPass(reading: Reading): boolean {
    if (reading.kind !== 'heard') return true;
    return reading.frames.some(
      ({ data, address, addressType }) => !isOptedOut(address) && isAccepted(data, address, addressType),
    );
  }
}
