import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import type { Figures } from '../../../gateway/telemetry/metrics/figures.ts';
import { openMetrics } from '../../../gateway/telemetry/metrics.ts';
import { hasPromtool, promtool, samplesOf } from '../../support/prometheus.ts';

const NOW = Date.UTC(2026, 10, 22, 8);

const FIGURES: Figures = {
  at: NOW,
  connections: 3,
  refused: { 'wrong credentials': 2, 'foreign topic': 5, 'no room': 7 },
  dropped: { 'not JSON': 1, 'check-in: expired': 2, 'the bridge says something of its own': 4 },
  slowed: { 'dev-1': 2, 'dev-2': 3 },
  outbox: {
    epoch: 'e0e0e0e0',
    stored: 9,
    declared: 0,
    waiting: 4,
    oldestAt: NOW - 90_000,
    dead: 1,
    taken: {},
    owed: {},
    bytes: 4_096,
    limit: null,
    level: 'shedding',
  },
  counted: () => 0,
  uplinks: new Map([['http a', { connected: true, lastSuccess: NOW, apart: 2 }]]),
  devices: [
    { id: 'b1', state: { state: 'online', lowBattery: true } },
    { id: 'b2', state: { state: 'offline' } },
    { id: 'b3', state: {} },
  ],
  receivers: [{ id: 'r1', state: { state: 'online', radio: 'silent', radioReason: 'of its own words' } }],
  consents: 1_239,
  list: { version: 12, issuedAt: NOW },
  recognises: false,
  synchronised: true,
  sinks: [{ name: 'influxdb', ok: false, reason: 'refused', waiting: 5, written: 6, dropped: 7 }],
  unmeasured: 8,
  readiness: { ready: true, checks: [{ name: 'store', ok: true, required: true }] },
};

function opened(figures: () => Figures = () => FIGURES, certificate?: string) {
  return openMetrics({ now: () => NOW, uplinks: ['http a'], figures, certificate });
}

async function exposed(certificate?: string): Promise<string> {
  return (await opened(() => FIGURES, certificate).expose()).text;
}

it('says each figure under its name, in base units', async () => {
  const samples = samplesOf(await exposed());
  const said = {
    gateway_mqtt_connections: 3,
    'gateway_mqtt_connects_total{result="wrong_credentials"}': 2,
    'gateway_mqtt_acl_denied_total{action="publish"}': 5,
    'gateway_mqtt_packets_rejected_total{reason="no_room"}': 7,
    'gateway_mqtt_messages_dropped_total{reason="check-in"}': 2,
    'gateway_mqtt_messages_dropped_total{reason="other"}': 4,
    gateway_mqtt_slowed_total: 5,
    gateway_outbox_events: 4,
    gateway_outbox_oldest_age_seconds: 90,
    gateway_outbox_limit_bytes: 0,
    'gateway_outbox_level{state="shedding"}': 1,
    'gateway_outbox_level{state="roomy"}': 0,
    'gateway_uplink_last_success_timestamp_seconds{uplink="http a"}': NOW / 1_000,
    'gateway_uplink_events_apart{uplink="http a"}': 2,
    'gateway_devices{state="online"}': 1,
    'gateway_devices{state="offline"}': 1,
    'gateway_devices{state="unknown"}': 1,
    gateway_device_low_battery: 1,
    'gateway_radio_state{receiver="r1",state="silent"}': 1,
    'gateway_radio_state{receiver="r1",state="unknown"}': 0,
    'gateway_consents{state="in_force"}': 1_230,
    gateway_consent_list_issued_timestamp_seconds: NOW / 1_000,
    gateway_recognition_active: 0,
    gateway_clock_synchronized: 1,
    'gateway_telemetry_up{sink="influxdb"}': 0,
    'gateway_telemetry_waiting_samples{sink="influxdb"}': 5,
    'gateway_telemetry_samples_total{sink="influxdb",result="written"}': 6,
    'gateway_telemetry_samples_total{sink="influxdb",result="dropped"}': 7,
  };
  expect(Object.fromEntries(Object.keys(said).map((series) => [series, samples.get(series)]))).toEqual(said);
});

it('labels are words of ours: none of a device, a bridge or a receiver', async () => {
  expect(await exposed()).not.toMatch(/bridge|of its own|dev-1|refused"/);
});

it.skipIf(!hasPromtool)('promtool has nothing to say of it', async () => {
  expect(promtool(await exposed())).toEqual({ status: 0, says: '' });
});

it('says when the certificate that devices see ends, as openssl reads it', async () => {
  const subject = ['-subj', '/CN=shop', '-days', '30', '-keyout', '/dev/null', '-nodes'];
  const pem = execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...subject], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const said = execFileSync('openssl', ['x509', '-noout', '-enddate'], { input: pem, encoding: 'utf8' });
  const endsAt = Date.parse(said.trim().replace('notAfter=', ''));
  const series = 'gateway_tls_certificate_expiry_timestamp_seconds{use="mqtt"}';
  expect(samplesOf(await exposed(pem.toString())).get(series)).toBe(endsAt / 1_000);
  expect(samplesOf(await exposed('none')).has(series)).toBe(false);
});

it('P11: is worked out once for all who ask at the same time; what failed is tried again', async () => {
  let asked = 0;
  let isRefusing = true;
  const { expose } = opened(() => {
    asked += 1;
    if (isRefusing) throw new Error('disk I/O error');
    return FIGURES;
  });
  await expect(expose()).rejects.toThrow('disk I/O error');
  isRefusing = false;
  const texts = await Promise.all([expose(), expose(), expose()]);
  expect([asked, new Set(texts).size]).toEqual([2, 1]);
});

it('two gateways in one process do not know of each other', async () => {
  const [one, other] = [opened(), opened()];
  one.observer.broker.connected();
  const connects = async ({ expose }: typeof one) =>
    samplesOf((await expose()).text).get('gateway_mqtt_connects_total{result="accepted"}');
  expect([await connects(one), await connects(other)]).toEqual([1, 0]);
});
