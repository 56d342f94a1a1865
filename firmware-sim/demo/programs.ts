import { fileURLToPath } from 'node:url';

/** The programs of this repository, as sources run by tsx or as compiled: whichever this file is. */
const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** Arguments to Node that run a program, named from the repository's top without its ending. */
export function program(name: 'gateway/main' | `firmware-sim/${string}`): string[] {
  const at = (path: string) => new URL(`${path}${EXTENSION}`, import.meta.url).href;
  // Found from here: the process may be started in any folder.
  const tsx = EXTENSION === '.ts' ? ['--import', import.meta.resolve('tsx')] : [];
  return [...tsx, '--import', at('./end-with-parent'), fileURLToPath(at(`../../${name}`))];
}
