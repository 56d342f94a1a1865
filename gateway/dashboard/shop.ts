import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Message } from '../../devices/device.ts';
import type { Config } from '../config.ts';
import { storedState } from '../database.ts';
import { openReader } from '../downlink/reader.ts';
import { importList } from '../import-list.ts';
import { appRoutes } from '../inputs/app-http.ts';
import { kioskRoutes } from '../kiosk/routes.ts';
import type { Outcome } from '../pipeline/outcome.ts';
import type { Signal } from '../pipeline/signal.ts';
import { subjectData } from '../privacy/subject-data.ts';
import type { Road } from '../road.ts';
import type { SeriesSource } from '../telemetry/series.ts';
import { outboxRoutes } from './outbox.ts';
import { dashboardPage } from './pages.ts';
import { type ProbeParts, probeRoutes } from './probes.ts';
import { rightsRoutes } from './rights.ts';
import { seriesRoutes } from './series.ts';
import { type Dashboard, openDashboard, type View } from './server.ts';

/** The dashboard of a running gateway: what it shows, what people may ask for, the kiosk, the app's door. */
export function openShopDashboard(parts: {
  config: Config;
  listen: { host: string; port: number };
  log: Logger;
  road: Road;
  /** A message of the app, as the broker would bring it. */
  take: (message: Message, done: (refused?: Error) => void) => void;
  /** To be called with each outcome of a signal that entered here. */
  told: (outcome: Outcome) => void;
  probes: ProbeParts;
  view: () => View;
  /** Who keeps the time series, the one to ask first first. */
  series: readonly SeriesSource[];
}): Promise<Dashboard> {
  const { config, listen, log, road, take, told, view } = parts;
  const { now, pipeline, commit } = road;

  function enter(signal: Signal, done: (outcome: Outcome) => void, refuse: (error: Error) => void): void {
    road.enter(
      signal,
      (outcome) => {
        told(outcome);
        done(outcome);
      },
      refuse,
    );
  }

  const entered = (signal: Signal) =>
    new Promise<Outcome>((resolve, reject) => enter(signal, resolve, reject));

  async function erase(subjectRef: string): Promise<string> {
    const { purge } = await entered({ kind: 'erase', at: now(), subjectRef });
    return purge.find((erasure) => erasure.subjectRef === subjectRef)?.certificate ?? '';
  }

  async function handIn(text: string) {
    const reader = openReader({ issuerKeys: config.consents.issuerKeys, storeId: config.store.id, log });
    try {
      return await importList(text, {
        reader,
        inForce: pipeline.recordIds,
        take: async (list) => (await entered({ ...list, at: now() })).refused,
      });
    } finally {
      await reader.close();
    }
  }

  function exportOf(ref: string) {
    const { db, sealed, storeKey } = road;
    const stored = storedState(db, storeKey.derive('state'));
    return subjectData(ref, { config, db, stored, sealed, at: now() });
  }

  function open(server: FastifyInstance): void {
    dashboardPage(server, { config });
    seriesRoutes(server, { sources: () => parts.series });
    probeRoutes(server, parts.probes);
    const app = config.devices.find(({ kind }) => kind === 'shopper-app');
    if (app) appRoutes(server, { device: app.id, now, take });
    outboxRoutes(server, {
      redrive: (wanted) => road.outbox.redrive(wanted, now()),
      forget: (uplink) => road.outbox.forget(uplink, now()),
    });
    rightsRoutes(server, { export: exportOf, erase, importList: handIn });
    kioskRoutes(server, {
      config,
      now,
      holderOf: pipeline.holderOf,
      heldBy: pipeline.heldBy,
      mayGrant: pipeline.mayGrant,
      recognises: pipeline.recognises,
      isRefusing: commit.failing,
      choose: (choice, done, refuse) => enter({ kind: 'choice', at: now(), ...choice }, done, refuse),
      mistake: (where) => log.error({ where }, 'the kiosk met a mistake of ours'),
    });
  }

  return openDashboard({ listen, data: config.data, open, view });
}
