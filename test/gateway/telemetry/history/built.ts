import { dirname, join } from 'node:path';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import type { HistoryParts } from '../../../../gateway/telemetry/history/history.ts';
import type { Point } from '../../../../gateway/telemetry/point.ts';
import { compiled } from '../../../support/compiled.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { until } from '../../../support/until.ts';

/* The history as it is shipped: its thread begins in a tenth of the time that it needs from the sources. */
const built = join(dirname(compiled('gateway/main')), 'telemetry/history/history.js');
const { openHistory } = (await import(
  built
)) as typeof import('../../../../gateway/telemetry/history/history.ts');

export const WINDOW = 10_000;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** 2026-03-01T00:00:00Z, ms. */
export const T0 = Date.UTC(2026, 2, 1);

export const temperature = (at: number, value: number, device = 'd1'): Point => ({
  measurement: 'climate',
  tags: { device },
  fields: { temperature_celsius: value },
  at,
});

/** A line of the log. */
export interface Said {
  msg: string;
  reason?: string;
  lost?: number;
  restMs?: number;
}

/** A history on a file of its own, or on that of another; closed when the test ends. */
export function open(more: Partial<HistoryParts> = {}) {
  const said: Said[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => said.push(JSON.parse(line)) });
  const parts = { file: join(temporaryFolder(), 'history.db'), days: 31, keepFree: 0, flushMs: 5, ...more };
  const history = openHistory({ log, ...parts });
  onTestFinished(() => history.close());
  const asked = { measurement: 'climate', field: 'temperature_celsius', stepS: 10 };
  return {
    history,
    said,
    file: parts.file,
    settled: () => until(() => history.state().waiting === 0, 'the history to be written'),
    /** The temperatures of the only series from `from` on; nothing where there is none. */
    async values(from = T0, to = from + 30_000, stepS = 10) {
      const [line] = await history.query({ ...asked, from, to, stepS });
      return line?.points.map(([, value]) => value);
    },
  };
}
