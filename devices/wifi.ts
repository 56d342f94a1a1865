import { z } from 'zod';
import { type Device, envelope, type MessageKind, type Reading } from './device.ts';
import { readHostapdLine } from './wire/hostapd.ts';
import { type AccountingRecord, readAccounting } from './wire/radius-accounting.ts';

/** A record that was on its way for longer says where somebody was, not that they are there, s. */
const TOO_LATE_S = 60;

const accounting = envelope.loose().transform((json, context) => {
  const record = readAccounting(json);
  if (record) return record;
  context.addIssue({ code: 'custom', message: 'has no Acct-Status-Type that is known' });
  return z.NEVER;
});

const line = z.string().max(1_024);
const hostapd = z.union([line, envelope.extend({ line })]);

/**
 * The shop's Wi-Fi, of use only for who signed in: a RADIUS server that hands on its accounting (RFC 2866),
 * an access point that hands on hostapd's lines. A device that did not sign in is nobody's. Presence is told
 * by records alone: an `Acct-Interim-Interval` under five minutes keeps a visit open.
 */
export const wifi = {
  kind: 'wifi',
  summary: 'the shop’s Wi-Fi: who signed in at an access point, by RADIUS accounting or hostapd',
  messages: {
    accounting: { class: 'B', schema: accounting, read: sessionOf as MessageKind['read'] },
    hostapd: { class: 'B', schema: hostapd, read: stationOf as MessageKind['read'] },
  },
} satisfies Device;

function sessionOf({ status, user, address, delayS }: AccountingRecord): Reading[] {
  // The access point begins or ends: none of its sessions is open.
  if (status === 'on' || status === 'off') return [{ kind: 'wifi', session: 'stop' }];
  if (user === undefined) return [];
  const who = { user, ...(address !== undefined && { address }) };
  if (status === 'stop') return [{ kind: 'wifi', session: 'stop', ...who }];
  if (delayS > TOO_LATE_S) return [];
  return [{ kind: 'wifi', session: status === 'start' ? 'start' : 'alive', ...who }];
}

function stationOf(said: z.infer<typeof hostapd>): Reading[] {
  const event = readHostapdLine(typeof said === 'string' ? said : said.line);
  if (!event) return [];
  return [{ kind: 'wifi', session: event.connected ? 'start' : 'stop', address: event.address }];
}
