import type { Ahead } from './ahead.ts';
import { appReport } from './app-report.ts';
import { beaconId } from './beacon-id.ts';
import { checkIn } from './check-in.ts';
import { eidTags } from './eid.ts';
import { privateAddresses } from './private-address.ts';
import type { Recogniser } from './recogniser.ts';
import { rollingTokens } from './rolling-token.ts';
import { wifiSession } from './wifi-session.ts';

export interface RecogniserSettings {
  /** Resolving private addresses: off unless the shop asks for it (`config.recognise.privateAddress`). */
  privateAddress: boolean;
  /** n random bytes; drawn only where private addresses are resolved. */
  random: (n: number) => Uint8Array;
  /** Where ids are worked out beforehand; the answers are the same without. */
  ahead?: Ahead | undefined;
}

/** Every way of being recognised that a shop has; the rest of a consent's keys never match. */
export function recognisersOf({ privateAddress, random, ahead }: RecogniserSettings): Recogniser[] {
  const always = [appReport, checkIn, eidTags(ahead), rollingTokens({ ahead }), beaconId, wifiSession];
  return privateAddress ? [...always, privateAddresses(random)] : always;
}

/** The ways that no shop has to ask for. */
export const recognisers: readonly Recogniser[] = recognisersOf({ privateAddress: false, random: none });

function none(): never {
  throw new Error('nothing is drawn where private addresses are not resolved');
}
