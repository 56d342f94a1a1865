import type { Config } from './config.ts';
import type { BridgeDoor } from './inputs/bridge-door.ts';
import type { OptOuts } from './opt-out.ts';
import type { ShopDevice } from './pipeline/decode.ts';
import type { Pipeline } from './pipeline/pipeline.ts';
import { acceptedFrames } from './receiver-frames.ts';

/**
 * What receivers may send on, and whom they may not even count, as the retained command `frames`; said
 * again whenever it changes. Where another maker's gateway cannot be told, the door keeps to the same list.
 */
export function receiverTelling(parts: {
  config: Config;
  devices: readonly ShopDevice[];
  pipeline: Pipeline;
  optOuts: OptOuts;
  door: BridgeDoor;
  publish: (topic: string, payload: string, options: { retain: boolean }) => void;
}): () => void {
  const { config, devices, pipeline, optOuts, door, publish } = parts;
  let told = '';
  return () => {
    const accept = acceptedFrames(config, pipeline.beaconUuids(), pipeline.holdsIrk());
    const optOut = optOuts.list();
    const frames = JSON.stringify({ accept, ...(optOut && { optOut }) });
    if (frames === told) return;
    told = frames;
    door.accept(accept, optOut);
    for (const { id, kind, bridge } of devices) {
      if (kind === 'receiver' && !bridge) publish(`devices/${id}/commands/frames`, frames, { retain: true });
    }
  };
}
