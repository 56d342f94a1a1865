import type { Config } from '../config.ts';
import { addOptOuts, clearOptOuts, countOptOuts, optOutKey } from '../opt-out.ts';
import { openStoreKey } from '../store-key.ts';

type Out = (text: string) => void;

/** `opt-out add`: an address is never said again, not even here. */
export function addToOptOuts(config: Config, addresses: readonly string[], out: Out): void {
  const key = optOutKey(openStoreKey(config.data, config.storeKeyFile));
  out(inWords(addOptOuts(config.data, key, addresses)));
}

/** `opt-out list`: how many; there is nothing else to tell. */
export function listOptOuts(config: Config, asJson: boolean, out: Out): void {
  const count = countOptOuts(config.data);
  out(asJson ? JSON.stringify({ count }) : inWords(count));
}

/** `opt-out clear` */
export function clearOptOutList(config: Config, out: Out): void {
  clearOptOuts(config.data);
  out(inWords(0));
}

function inWords(count: number): string {
  return `${count} listed: frames of ${((100 * count) / 65_536).toFixed(3)} % of all addresses are dropped, those of who objected among them`;
}
