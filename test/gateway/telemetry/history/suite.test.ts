import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { openHistory } from '../../../../gateway/telemetry/history/history.ts';
import type { Sink } from '../../../../gateway/telemetry/sink.ts';
import { until } from '../../../support/until.ts';
import { seriesSuite } from '../series-suite.ts';

const open = (flushMs: number, settled: (sink: Sink) => Promise<void>) => async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aisle-history-'));
  const file = join(folder, 'history.db');
  const history = openHistory({ file, days: 31, log: pino({ level: 'silent' }), flushMs, keepFree: 0 });
  return {
    sink: history,
    source: history,
    settled: () => settled(history),
    async close() {
      await history.close();
      rmSync(folder, { recursive: true });
    },
  };
};

// One message after another: a question is answered with all that was handed over before it.
seriesSuite(
  'the history as a source of series, from what waits',
  open(3_600_000, async () => {}),
);
seriesSuite(
  'the history as a source of series, from its file',
  open(1, (sink) => until(() => sink.state().waiting === 0, 'the history to be written')),
);
