import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  openProfileStore,
  type ProfileStore,
  type ProfileStoreOptions,
} from '../../firmware-sim/profile-store/server.ts';
import type { Taken } from '../../firmware-sim/profile-store/store.ts';

export const TOKEN = 'a-token-for-tests';
export const BATCH = 'application/cloudevents-batch+json';
export const SOURCE = 'urn:aisle:store:s1:gateway:g1';
/** 2026-03-01T10:00:00Z, ms. */
export const TEN = Date.UTC(2026, 2, 1, 10);

/** ISO time so many seconds after ten. */
export const at = (s: number) => new Date(TEN + s * 1000).toISOString();

/** An event as the gateway sends it (contract, "Events to the profile store"). */
export function event(
  sequence: number,
  name: string,
  data: object,
  more: { s?: number; epoch?: string; [attribute: string]: unknown } = {},
) {
  const { s = sequence, epoch = 'e0e0e0e0', ...attributes } = more;
  const padded = String(sequence).padStart(20, '0');
  return {
    specversion: '1.0',
    id: `${epoch}-${padded}`,
    source: SOURCE,
    type: `aisle.${name}.v1`,
    epoch,
    sequence: padded,
    time: at(s),
    recordedtime: at(s),
    datacontenttype: 'application/json',
    data: { storeId: 's1', ...data },
    ...attributes,
  };
}

export const press = (sequence: number, more: Parameters<typeof event>[3] = {}) =>
  event(sequence, 'button.pressed', { deviceId: 'b1', zoneId: 'z1', button: 1, press: 'press' }, more);

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'profile-store-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A store in this process, in a new folder, closed when the test ends. */
export async function open(options: Partial<ProfileStoreOptions> = {}): Promise<ProfileStore> {
  const data = options.data ?? (await temporaryFolder());
  const opened = await openProfileStore({ token: TOKEN, ...options, data });
  onTestFinished(() => opened.close());
  return opened;
}

/** One request as `T` is expected to be answered; `url` is the store's. */
export function client(url: string, token: string = TOKEN) {
  const ask = async <T>(method: string, path: string, type?: string, body?: RequestInit['body']) => {
    const headers = { authorization: `Bearer ${token}`, ...(type !== undefined && { 'content-type': type }) };
    const response = await fetch(url + path, { method, headers, ...(body !== undefined && { body }) });
    return { status: response.status, body: (await response.json()) as T };
  };
  return {
    get: <T>(path: string) => ask<T>('GET', path),
    post: <T>(path: string, body: unknown) => ask<T>('POST', path, 'application/json', JSON.stringify(body)),
    /** `body` as it is, where it is text or bytes. */
    send: (body: string | Uint8Array<ArrayBuffer> | readonly unknown[], type = BATCH) =>
      ask<Taken & { message?: string }>(
        'POST',
        '/events',
        type,
        typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
      ),
  };
}
