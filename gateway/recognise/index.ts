import { appReport } from './app-report.ts';
import { beaconId } from './beacon-id.ts';
import { eid } from './eid.ts';
import type { Recogniser } from './recogniser.ts';

/** Every way of being recognised that is built; the rest of a consent's keys are kept and never match. */
export const recognisers: readonly Recogniser[] = [appReport, eid, beaconId];
