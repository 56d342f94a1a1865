import { createHmac } from 'node:crypto';
import { parseAddress } from '../../devices/wire/address.ts';
import { addressResolver, isResolvable } from '../../devices/wire/private-address.ts';
import { type KeyTable, type Owner, ownerIndex, type Recogniser } from './recogniser.ts';

/*
 * Phones by their private addresses, for staff's devices and tests: whoever holds an identity resolving key
 * (IRK) can follow that device anywhere for as long as it lives, so it is off unless a shop asks for it.
 *
 * Every address has to be tried under every key, and with 24 bits a stranger's fits one by chance: 10,000
 * keys and a day's 36,000 addresses would make 21 strangers customers. So one address never recognises
 * anybody (R21), and keys are few.
 */

/** Keys that are held at most; records that bring more are refused. */
export const MAX_IRKS = 1_000;
/** A phone takes a new address every 5 to 15 minutes (Android CDD C-3-5); within so long it goes on, ms. */
const CONTINUOUS = 16 * 60_000;
/** An address that was tried is remembered for five minutes at most, a tick's delay included, ms (R3). */
const REMEMBERED = 5 * 60_000 - 2_000;
/** Addresses that are remembered at once; beyond, the oldest is forgotten. */
export const MAX_REMEMBERED = 20_000;
const PSEUDONYM_KEY = 32;

interface Phone {
  resolves: (address: Uint8Array) => boolean;
  irk: string;
  /** Its last unbroken row of addresses. */
  row?: { first: string; isConfirmed: boolean; lastSeen: number };
}

/** An address under a key of this process, that never leaves its memory. */
interface Tried {
  phones: readonly Phone[];
  at: number;
}

/** `random(32)` is drawn once for each table, for the key under which addresses are remembered. */
export function privateAddresses(random: (n: number) => Uint8Array): Recogniser {
  return {
    keys: 'irk',
    sees: 'private-address',
    method: 'private-address',
    // Two addresses of 24 bits each.
    confidence: 0.99,
    createTable: () => addressTable(random(PSEUDONYM_KEY)),
  };
}

function addressTable(pseudonymKey: Uint8Array): KeyTable {
  const phones = new Map<string, Phone>();
  const owners = ownerIndex();
  const held = new Map<string, string[]>();
  const refused = new Set<string>();
  const tried = new Map<string, Tried>();

  const pseudonymOf = (address: Uint8Array) =>
    createHmac('sha256', pseudonymKey).update(address).digest('base64');

  function phonesOf(address: Uint8Array, name: string, at: number): readonly Phone[] {
    const known = tried.get(name);
    if (known && isRemembered(known, at)) return known.phones;
    const resolved = [...phones.values()].filter(({ resolves }) => resolves(address));
    tried.delete(name);
    tried.set(name, { phones: resolved, at });
    const oldest = tried.size > MAX_REMEMBERED ? tried.keys().next().value : undefined;
    if (oldest !== undefined) tried.delete(oldest);
    return resolved;
  }

  function drop(irk: string, recordId: string): void {
    owners.drop(irk, recordId);
    if (owners.find(irk).length > 0) return;
    phones.delete(irk);
    for (const [name, { phones: resolved }] of tried) {
      if (resolved.some((phone) => phone.irk === irk)) tried.delete(name);
    }
  }

  const rows = () => [...phones.values()].filter(({ row }) => row).length;

  return {
    put(owner, key) {
      if (key.kind !== 'irk') return;
      if (!phones.has(key.irk)) {
        if (phones.size >= MAX_IRKS) {
          refused.add(owner.recordId);
          return;
        }
        phones.set(key.irk, { resolves: addressResolver(Buffer.from(key.irk, 'hex')), irk: key.irk });
        // What was a stranger's until now may be this one's.
        tried.clear();
      }
      owners.add(key.irk, owner);
      held.set(owner.recordId, [...(held.get(owner.recordId) ?? []), key.irk]);
    },
    remove(recordId) {
      for (const irk of held.get(recordId) ?? []) drop(irk, recordId);
      held.delete(recordId);
      refused.delete(recordId);
    },
    roll(at) {
      for (const [name, entry] of tried) if (!isRemembered(entry, at)) tried.delete(name);
      for (const phone of phones.values()) {
        if (phone.row && Math.abs(at - phone.row.lastSeen) > CONTINUOUS) delete phone.row;
      }
    },
    find(seen, at) {
      if (seen.kind !== 'private-address' || phones.size === 0) return [];
      const address = parseAddress(seen.address);
      if (!address || !isResolvable(address)) return [];
      const name = pseudonymOf(address);
      const found = new Map<string, Owner>();
      for (const phone of phonesOf(address, name, at)) {
        if (!confirms(phone, name, at)) continue;
        for (const owner of owners.find(phone.irk)) found.set(owner.recordId, owner);
      }
      return [...found.values()];
    },
    size: () => rows() + phones.size + owners.size() + held.size + refused.size + tried.size,
    refused: () => [...refused],
  };
}

/** R21: nobody is recognised before a second, different address follows on the first. */
function confirms(phone: Phone, name: string, at: number): boolean {
  const { row } = phone;
  if (!row || at - row.lastSeen > CONTINUOUS) {
    phone.row = { first: name, isConfirmed: false, lastSeen: at };
    return false;
  }
  // Too long on its way to say anything of the present row.
  if (row.lastSeen - at > CONTINUOUS) return false;
  row.lastSeen = Math.max(row.lastSeen, at);
  row.isConfirmed ||= name !== row.first;
  return row.isConfirmed;
}

/** A clock that was set back makes nothing last longer. */
function isRemembered({ at: triedAt }: Tried, at: number): boolean {
  return triedAt <= at && at - triedAt < REMEMBERED;
}
