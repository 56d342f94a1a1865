import { connect as connectSocket } from 'node:net';
import { generate, type IConnectPacket } from 'mqtt-packet';
import { toHex } from '../../devices/wire/hex.ts';
import type { Random } from '../../firmware-sim/shop-floor/seeded-random.ts';
import { type Mark, octetMark } from './marks.ts';
import { BAD_BUTTON, BEACON, BUTTON } from './plan.ts';

/** One attempt to leave a mark where it is written down: at the broker, or at the HTTP door. */
export interface Attempt {
  marks: Mark[];
  /** Packets of one connection to the broker, in the name of a device of the shop where `asDevice` says so. */
  packets?: Buffer[];
  asDevice?: boolean;
  /** A path, headers and a body for the HTTP door. */
  request?: { path: string; init: RequestInit };
  /** A message of a device that has its credentials. */
  message?: { device: 'bridge' | 'receiver' | 'button' | 'wifi' | 'reader'; topic: string; payload: string };
}

type Make = (hex: string, printed: string) => Omit<Attempt, 'marks'>;

/** Ways in which a passer-by's address, 12 hex digits or printed with colons, comes to the gateway's doors. */
const WAYS: Record<string, Make> = {
  'client id': (hex) => ({ packets: [connectPacket({ clientId: hex })] }),
  'user name': (hex) => ({ packets: [connectPacket({ username: hex })] }),
  'user name as printed': (_, printed) => ({ packets: [connectPacket({ username: printed })] }),
  password: (hex) => ({ packets: [connectPacket({ password: Buffer.from(hex) })] }),
  'user name of a device, its client id a mark': (hex) => ({
    packets: [connectPacket({ clientId: `${BUTTON}-${hex}`, username: BUTTON })],
  }),
  will: (hex, printed) => ({
    packets: [
      connectPacket({
        will: { topic: `devices/${hex}/state`, payload: Buffer.from(printed), qos: 1, retain: true },
      }),
    ],
  }),
  'no CONNECT first': (hex) => ({ packets: [published(hex, hex)] }),
  'no MQTT at all': (hex, printed) => ({
    packets: [Buffer.from(`GET /${hex} HTTP/1.1\r\nHost: ${printed}\r\n\r\n`)],
  }),
  'oversized CONNECT': (hex) => ({ packets: [connectPacket({ password: Buffer.from(hex.repeat(1_000)) })] }),
  'oversized message': (hex) => asDevice(published(`devices/${BAD_BUTTON}/pressed`, hex.repeat(6_000))),
  'topic of another': (hex) => asDevice(published(`devices/${hex}/pressed`, hex)),
  'control characters in a topic': (hex) => asDevice(published(`devices/${BAD_BUTTON}/a\u0007${hex}`, hex)),
  'filter of another': (hex) =>
    asDevice(
      generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `devices/${hex}/#`, qos: 1 }] }),
    ),
  'retained message': (hex) => asDevice(published(`devices/${BAD_BUTTON}/pressed`, hex, true)),
  'path of the page': (hex) => ({ request: { path: `/api/${hex}?who=${hex}`, init: {} } }),
  'path of the app': (hex) => ({ request: { path: `/api/app/${hex}`, init: {} } }),
  'header of the page': (hex) => ({
    request: { path: '/api/status', init: { headers: { authorization: hex } } },
  }),
  'app report that is not JSON': (hex, printed) => ({
    request: report(`{"token":"${hex}","said":"${printed}`),
  }),
  'app report of a wrong form': (hex) => ({
    request: report(JSON.stringify({ token: hex, beacons: [BEACON] })),
  }),
  'oversized app report': (hex) => ({ request: report(JSON.stringify({ token: hex.repeat(8_000) })) }),
  'message that is not JSON': (hex, printed) => ({
    message: {
      device: 'receiver',
      topic: 'advertisements',
      payload: `{"frames":[{"address":"${printed}","${hex}`,
    },
  }),
  'message of a wrong form': (hex, printed) => ({
    message: {
      device: 'receiver',
      topic: 'advertisements',
      payload: JSON.stringify({ frames: [{ address: printed, addressType: hex, rssi: 'loud', data: hex }] }),
    },
  }),
  'frame cut off': (hex, printed) => ({
    message: {
      device: 'receiver',
      topic: 'advertisements',
      payload: JSON.stringify({
        frames: [{ address: printed, addressType: 'random', rssi: -60, data: `1eff4c00${hex}` }],
      }),
    },
  }),
  'third-party topic under its own name': (_, printed) => ({
    message: {
      device: 'receiver',
      topic: `BTtoMQTT/${printed.toUpperCase().replaceAll(':', '')}`,
      payload: JSON.stringify({ id: printed, rssi: -70, name: 'a phone' }),
    },
  }),
  'third-party topic that nobody asked for': (hex, printed) => ({
    message: { device: 'bridge', topic: `BTtoMQTT/${hex}/${printed}`, payload: printed },
  }),
  'third-party message of a wrong form': (hex, printed) => ({
    message: {
      device: 'bridge',
      topic: `BTtoMQTT/${hex}`,
      payload: JSON.stringify({ id: printed, rssi: hex }),
    },
  }),
  'probe of a phone that did not sign in': (_, printed) => ({
    message: {
      device: 'wifi',
      topic: 'hostapd',
      payload: `wlan0: STA ${printed} IEEE 802.11: authenticated`,
    },
  }),
  'accounting of a wrong form': (hex, printed) => ({
    message: {
      device: 'wifi',
      topic: 'accounting',
      payload: JSON.stringify({ 'User-Name': hex, who: printed }),
    },
  }),
  'code that nobody signed': (hex, printed) => ({
    message: { device: 'reader', topic: 'scanned', payload: JSON.stringify({ code: `${hex}.${printed}` }) },
  }),
  'code at the kiosk': (hex) => ({ request: posted('/api/kiosk/look', { code: hex }) }),
  'grant at the kiosk': (hex) => ({ request: posted('/api/kiosk/grant', { code: hex, purposes: [hex] }) }),
  'withdrawal at the kiosk': (hex) => ({ request: posted('/api/kiosk/withdraw', { code: hex }) }),
  'choice in the app': (hex) => ({ request: posted('/api/app/consent', { token: hex, choice: hex }) }),
  'reply to a command': (hex) => ({
    message: {
      device: 'button',
      topic: `replies/${hex}`,
      payload: JSON.stringify({ id: hex, ok: false, error: hex }),
    },
  }),
  'fields that nobody asked for': (hex, printed) => ({
    message: {
      device: 'button',
      topic: 'pressed',
      payload: JSON.stringify({ button: 1, press: 'press', who: printed, seen: [hex] }),
    },
  }),
  'state that is no state': (hex) => ({ message: { device: 'button', topic: 'state', payload: hex } }),
};

/** How long somebody who was not cut off stays. */
const LISTENS_MS = 150;

/** Each way in turn. */
export function attemptOf(number: number, random: Random): Attempt {
  const names = Object.keys(WAYS);
  const name = names[number % names.length] as string;
  const octets = random.bytes(6);
  octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40;
  const hex = toHex(octets);
  const printed = hex.match(/../g)?.join(':') ?? '';
  const attempt = (WAYS[name] as Make)(hex, printed);
  return { ...attempt, marks: [octetMark(`address as: ${name}`, octets)] };
}

export const WAYS_IN = Object.keys(WAYS).length;

function connectPacket(more: Partial<IConnectPacket>): Buffer {
  return generate({
    ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 30 },
    ...{ clientId: 'passer-by', username: 'passer-by', password: Buffer.from('let me in') },
    ...more,
  } as IConnectPacket);
}

function asDevice(...packets: Buffer[]): Omit<Attempt, 'marks'> {
  return { packets, asDevice: true };
}

/** The CONNECT of the shop's device that has gone bad. */
export function badButton(secret: string): Buffer {
  return connectPacket({ clientId: BAD_BUTTON, username: BAD_BUTTON, password: Buffer.from(secret) });
}

function published(topic: string, payload: string, retain = false): Buffer {
  return generate({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain });
}

function report(body: string): { path: string; init: RequestInit } {
  return { path: '/api/app/ranged', init: post(body) };
}

function posted(path: string, body: object): { path: string; init: RequestInit } {
  return { path, init: post(JSON.stringify(body)) };
}

function post(body: string): RequestInit {
  return { method: 'POST', body, headers: { 'content-type': 'application/json' } };
}

/** Says these octets and listens until the broker ends it, or for a while. */
export function sayAndLeave(port: number, packets: readonly Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    const socket = connectSocket({ port, host: '127.0.0.1' }, () => socket.write(Buffer.concat(packets)));
    const end = setTimeout(() => socket.destroy(), LISTENS_MS);
    socket.on('data', () => {});
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(end);
      resolve();
    });
  });
}
