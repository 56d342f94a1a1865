import { appTokens } from './app-token.ts';
import type { Recogniser } from './recogniser.ts';

/** The shopper shows the app's code, QR or NFC, to a reader: presence by a deliberate act. */
export const checkIn: Recogniser = {
  keys: 'app',
  sees: 'check-in',
  method: 'check-in',
  confidence: 1,
  createTable: () => appTokens('check-in'),
};
