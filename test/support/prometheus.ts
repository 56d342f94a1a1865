import { spawnSync } from 'node:child_process';

/** Whether Debian's `promtool` (package prometheus) is here; `test/support/debian.sh` installs it where it can. */
export const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

/** What `promtool check metrics` says of an exposition: its exit code, and everything that it writes. */
export function promtool(text: string): { status: number | null; says: string } {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  return { status, says: stdout + stderr };
}

/** `/metrics` of a gateway; throws where it does not answer with 200. */
export async function scrape(port: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  if (answer.status !== 200) throw new Error(`/metrics answers ${answer.status}`);
  return answer.text();
}

/** Values by series, `name{labels}` as written. */
export function samplesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}
