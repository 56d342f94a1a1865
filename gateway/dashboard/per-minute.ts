/** Addresses that are counted at a time; beyond it counting begins again. */
const MAX_ADDRESSES = 10_000;

/** Counts requests of each address in a minute; in memory only. True where one has had its `most`. */
export function perMinute(most: number): (address: string, at: number) => boolean {
  const counts = new Map<string, number>();
  let minute = 0;
  return (address, at) => {
    const now = Math.floor(at / 60_000);
    if (now !== minute || counts.size > MAX_ADDRESSES) counts.clear();
    minute = now;
    const count = (counts.get(address) ?? 0) + 1;
    counts.set(address, count);
    return count > most;
  };
}
