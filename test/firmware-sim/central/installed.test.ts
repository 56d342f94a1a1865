import { expect, it } from 'vitest';
import { missingPackages } from '../../../firmware-sim/central/installed.ts';

it('says in one sentence what has to be installed', () => {
  expect(missingPackages((program) => !program.includes('postgresql'))).toBe(
    "the receiving side needs Debian 12's packages: apt-get install -y --no-install-recommends postgresql",
  );
  expect(missingPackages(() => false)).toMatch(/rabbitmq-server postgresql util-linux$/);
  expect(missingPackages(() => true)).toBeUndefined();
});
