import { parseArgs } from 'node:util';
import { strangersRecognised } from './strangers.ts';

/*
 * R21: how many strangers are taken for people who agreed, by their phones' private addresses.
 *
 *   npx tsx test/bench/private-address.ts [--keys 1000] [--addresses 36000] [--seed 1]
 */

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000' },
    addresses: { type: 'string', default: '36000' },
    seed: { type: 'string', default: '1' },
  },
});
const [keys, addresses, seed] = [values.keys, values.addresses, values.seed].map(Number) as [
  number,
  number,
  number,
];
const started = performance.now();
const { recognised, singleMatches } = strangersRecognised({ keys, addresses, seed });
const seconds = (performance.now() - started) / 1000;
const expected = (keys * addresses) / 2 ** 24;
process.stdout.write(
  `${keys} keys × ${addresses} addresses of strangers: ${recognised} recognised; ` +
    `${singleMatches} fitted by chance (expected ${expected.toFixed(1)}); ${seconds.toFixed(1)} s\n`,
);
process.exitCode = recognised === 0 ? 0 : 1;
