import { existsSync } from 'node:fs';

/** Debian's programs, at the places where its packages put them. */
export const PROGRAMS = {
  rabbitmq: '/usr/lib/rabbitmq/bin/rabbitmq-server',
  erlCall: '/usr/bin/erl_call',
  epmd: '/usr/bin/epmd',
  initdb: '/usr/lib/postgresql/15/bin/initdb',
  postgres: '/usr/lib/postgresql/15/bin/postgres',
  setpriv: '/usr/bin/setpriv',
} as const;

const PACKAGES: readonly (readonly [name: string, programs: readonly string[]])[] = [
  ['rabbitmq-server', [PROGRAMS.rabbitmq, PROGRAMS.erlCall, PROGRAMS.epmd]],
  ['postgresql', [PROGRAMS.initdb, PROGRAMS.postgres]],
  ['util-linux', [PROGRAMS.setpriv]],
];

/** What has to be installed before the receiving side can run, in one sentence; nothing where all is there. */
export function missingPackages(exists: (program: string) => boolean = existsSync): string | undefined {
  const missing = PACKAGES.flatMap(([name, programs]) => (programs.every(exists) ? [] : [name]));
  if (missing.length === 0) return undefined;
  return `the receiving side needs Debian 12's packages: apt-get install -y --no-install-recommends ${missing.join(' ')}`;
}
