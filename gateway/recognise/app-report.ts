import { appTokens } from './app-token.ts';
import type { Recogniser } from './recogniser.ts';

/** The shopper's app reports the beacons it hears under a token: the shop listens to nobody. */
export const appReport: Recogniser = {
  keys: 'app',
  sees: 'app',
  method: 'app',
  confidence: 1,
  createTable: () => appTokens('app'),
};
