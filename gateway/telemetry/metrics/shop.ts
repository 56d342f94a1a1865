import type { Registry } from 'prom-client';
import { RADIO_STATES } from '../../../devices/device.ts';
import type { KnownDevice } from '../readiness.ts';
import { gauges, type Labelled, oneOf } from './at-scrape.ts';
import type { Figures } from './figures.ts';

/** Devices by what they told last; one that never told anything is `unknown`. */
const DEVICE_STATES = ['online', 'offline', 'unknown'] as const;
/** Of a receiver that has not told, `unknown`. */
const RADIOS = [...RADIO_STATES, 'unknown'] as const;
/** As every count of people here: a single choice at the kiosk must not show. */
const ROUNDED_TO = 10;

/** Devices, their radios, the consent list and the clock. */
export function shopMetrics(registry: Registry, now: () => Figures): void {
  gauges(registry, [
    {
      name: 'gateway_devices',
      help: 'Devices of the configuration, by what they told last.',
      labels: ['state'],
      read: () => DEVICE_STATES.map((state) => [{ state }, inState(now(), state)]),
    },
    {
      name: 'gateway_device_low_battery',
      help: 'Devices of the configuration whose battery is low: below 20 %, or by their own sign.',
      read: () => now().devices.filter(({ state }) => state.lowBattery).length,
    },
    {
      name: 'gateway_radio_state',
      help: 'What each receiver of the configuration told last of its radio: 1 for the state that it is in.',
      labels: ['receiver', 'state'],
      read: () => now().receivers.flatMap(radioOf),
    },
    {
      name: 'gateway_consents',
      help: 'Consent records in force, rounded down to tens.',
      labels: ['state'],
      read: () => [[{ state: 'in_force' }, Math.floor(now().consents / ROUNDED_TO) * ROUNDED_TO]],
    },
    {
      name: 'gateway_consent_list_version',
      help: 'Version of the consent list in force; 0 where there is none.',
      read: () => now().list?.version ?? 0,
    },
    {
      name: 'gateway_consent_list_issued_timestamp_seconds',
      help: 'When the consent list in force was issued, since the epoch; 0 where there is none or it has no age.',
      read: () => (now().list?.issuedAt ?? 0) / 1_000,
    },
    {
      name: 'gateway_recognition_active',
      help: '1 while shoppers who agreed are recognised: mode, notice, clock and list permit it.',
      read: () => (now().recognises ? 1 : 0),
    },
    {
      name: 'gateway_clock_synchronized',
      help: '1 while the clock is sure, as clock.source has it.',
      read: () => (now().synchronised ? 1 : 0),
    },
  ]);
}

function inState({ devices }: Figures, wanted: string): number {
  return devices.filter(({ state }) => (state.state ?? 'unknown') === wanted).length;
}

function radioOf({ id, state: { radio } }: KnownDevice): Labelled[] {
  return oneOf(RADIOS, radio ?? 'unknown', { receiver: id });
}
