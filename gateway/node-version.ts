/** Below this Node lacks what we use. */
const OLDEST = [20, 19] as const;
/** Ends of life, nodejs.org/en/about/previous-releases; other majors are not named. */
const END_OF_LIFE: Readonly<Record<number, string>> = {
  20: '2026-04-30',
  21: '2024-06-01',
  22: '2027-04-30',
  23: '2025-06-01',
  24: '2028-04-30',
};
const ADVISED = 24;

/** What is wrong with running on this Node: `refused` ends the start, `warning` is said at it. */
export function judgeNode(version: string, at: number): { refused?: string; warning?: string } {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    return {
      refused: `Node ${version} is too old: ${OLDEST.join('.')} or newer is needed, ${ADVISED} is advised`,
    };
  }
  const end = END_OF_LIFE[major];
  if (end === undefined || at < Date.parse(end)) return {};
  return { warning: `Node ${version} has had no security updates since ${end}: ${ADVISED} is advised` };
}
