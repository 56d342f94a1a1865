/* What the page asks its gateway. Nothing else is asked of anybody. */

const KEPT = 'aisle.token';
/** A gateway that has not answered by then is not there, ms. */
const PATIENCE = 15_000;

/** The token is not, or not any more, the gateway's. */
export class WrongToken extends Error {}

/** The gateway gave no answer at all. */
export class NoAnswer extends Error {}

/**
 * What a link brings: `#token=…` and, if it likes, `&range=day`. Taken off the address at once; the token is kept
 * as long as the tab.
 */
export function fromAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (given.has('token')) keepToken(given.get('token'));
  if (location.hash !== '') history.replaceState(null, '', location.pathname);
  return { range: given.get('range') };
}

export const token = () => sessionStorage.getItem(KEPT) ?? '';

export function keepToken(text) {
  sessionStorage.setItem(KEPT, text.trim());
}

export function forgetToken() {
  sessionStorage.removeItem(KEPT);
}

/** JSON of `path`; throws WrongToken, NoAnswer, or what the gateway said in a sentence. */
export async function ask(path, query = {}) {
  const address = Object.keys(query).length > 0 ? `${path}?${new URLSearchParams(query)}` : path;
  const headers = { authorization: `Bearer ${token()}` };
  let answer;
  try {
    answer = await fetch(address, { headers, cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    throw new NoAnswer();
  }
  if (answer.status === 401) throw new WrongToken();
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error ?? `the gateway answered ${answer.status}`);
  return body;
}
