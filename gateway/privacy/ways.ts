import type { Config } from '../config.ts';
import type { ConsentKey } from '../consent-record.ts';
import { recognisers } from '../recognise/index.ts';

export type Way = ConsentKey['kind'];

/** By what a shopper who agreed can be known in this shop: ways that are built, and that it could hear. */
export function waysOf(config: Config): Way[] {
  const built = new Set([...recognisers.map(({ keys }) => keys), 'irk' as const]);
  return [...built].filter((way) => isHeard(way, config));
}

function isHeard(way: Way, config: Config): boolean {
  const kinds = config.devices.map(({ kind }) => kind);
  switch (way) {
    case 'app':
      return (
        ['shopper-app', 'check-in'].some((kind) => kinds.includes(kind)) || config.dashboard !== undefined
      );
    case 'wifi':
      return kinds.includes('wifi');
    case 'irk':
      return config.recognise.privateAddress && hasRadio(config);
    default:
      return hasRadio(config);
  }
}

/** Receivers of our own, or other makers' behind a bridge. */
function hasRadio({ devices, map, inputs }: Config): boolean {
  const isReceiver = ({ kind, dialect }: Config['devices'][number]) =>
    kind === 'receiver' || dialect !== undefined;
  return devices.some(isReceiver) || map.receivers.length > 0 || inputs.radio !== undefined;
}
