import { formatAddress, parseAddress } from '../../devices/wire/address.ts';
import { addressResolver, privateAddress } from '../../devices/wire/private-address.ts';
import { privateAddresses } from '../../gateway/recognise/private-address.ts';
import { seededRandom } from '../../gateway/seeded-random.ts';

/** A shop's opening hours, ms: 36,000 addresses are 500 phones that change theirs six times an hour. */
const DAY = 12 * 3_600_000;
const CHANGE = 10 * 60_000;

export interface Strangers {
  /** People who were recognised: nobody should be. */
  recognised: number;
  /** Addresses that fitted some key by chance, as they do one in 2^24 for each key. */
  singleMatches: number;
}

/**
 * A day of strangers' private addresses against the keys of people who agreed and are not there. The first
 * `known` of the strangers are given keys that are held: they have to be recognised.
 */
export function strangersRecognised(parts: {
  keys: number;
  addresses: number;
  seed: number;
  known?: number;
}): Strangers {
  const { keys, addresses, seed, known = 0 } = parts;
  const random = seededRandom(seed);
  const irks = Array.from({ length: keys }, () => random(16));
  const perPhone = DAY / CHANGE;
  const phones = Array.from({ length: Math.ceil(addresses / perPhone) }, (_, i) =>
    i < known ? (irks[i] as Uint8Array) : random(16),
  );
  const table = privateAddresses(random).createTable();
  for (const [i, irk] of irks.entries()) {
    const owner = { recordId: `c${i}`, subjectRef: `p${i}` };
    table.put(owner, { kind: 'irk', irk: Buffer.from(irk).toString('hex') }, 0);
  }
  // Beside the table and apart from it: what one address alone would say.
  const resolvers = irks.map(addressResolver);
  const recognised = new Set<string>();
  let singleMatches = 0;
  for (let i = 0; i < addresses; i++) {
    const irk = phones[i % phones.length] as Uint8Array;
    const at = Math.floor(i / phones.length) * CHANGE;
    table.roll(at);
    const seen = {
      kind: 'private-address' as const,
      address: formatAddress(privateAddress(irk, random(3))),
    };
    for (const { subjectRef } of table.find(seen, at)) recognised.add(subjectRef);
    const octets = parseAddress(seen.address) as Uint8Array;
    singleMatches += resolvers.filter((resolves) => resolves(octets)).length;
  }
  return { recognised: recognised.size, singleMatches };
}
