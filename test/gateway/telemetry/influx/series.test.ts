import { describe } from 'vitest';
import { openInflux } from '../../../../gateway/telemetry/influx/influx.ts';
import { hasInflux, openInfluxShop } from '../../../support/influxd.ts';
import { quiet } from '../../../support/quiet.ts';
import { until } from '../../../support/until.ts';
import { type OpenSeries, seriesSuite } from '../series-suite.ts';

async function open(): Promise<OpenSeries> {
  const shop = await openInfluxShop();
  const influx = openInflux(shop.config, {
    store: 'lyon-1',
    gateway: 'g1',
    log: quiet,
    lingerMs: 0,
  });
  return {
    sink: influx,
    source: influx,
    settled: () => until(() => influx.state().waiting === 0, 'InfluxDB to have all'),
    async close() {
      await influx.close();
      await shop.close();
    },
  };
}

describe.skipIf(!hasInflux)('InfluxDB 1.6', () => seriesSuite('as a source of series', open));
