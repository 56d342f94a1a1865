import type { Uplink } from '../../gateway/uplinks/uplink.ts';
import type { LedgerEvent } from '../support/ledger.ts';
import { createBox } from './box.ts';
import { central } from './central.ts';
import { createFaults } from './faults.ts';
import { checkEnd, checkForgotten, legibleIn } from './invariants.ts';
import { network } from './network.ts';
import { oracle } from './oracle.ts';
import { type Plan, plan, type Span } from './plan.ts';
import { platform, type Shopper } from './platform.ts';
import { createShop } from './shop.ts';
import { type ShopShape, shopConfig } from './shop-config.ts';
import { uplinkLine } from './uplink-line.ts';
import { DAY, HOUR, world } from './world.ts';

export interface Simulated {
  seed: number;
  /** A sentence for each invariant that does not hold. */
  broken: readonly string[];
  /** Of everything that left the box: the same for the same seed. */
  digest: string;
  days: number;
  starts: number;
  acknowledged: number;
  committed: number;
  duplicates: number;
  /** Things that happened. */
  steps: number;
}

export interface SimulateOptions {
  span?: Span | undefined;
  trace?: (line: string) => void;
  /** The disk says that it has written what it has not. */
  diskLies?: boolean;
}

/** Faults over and nothing under way: it has to be quiet by then. A clock that was a day ahead is waited out. */
const QUIET_WITHIN = 3 * DAY;

/** A shop's day, week or year, with everything that this seed makes go wrong, and what is broken after it. */
export async function simulate(
  seed: number,
  { span, trace, diskLies }: SimulateOptions = {},
): Promise<Simulated> {
  const the = world(seed, trace);
  const planned = plan(the.draws('plan'), span);
  the.trace(() => `the plan: ${JSON.stringify({ ...planned, bursts: planned.bursts.length })}`);
  const parts = assemble(the, planned, diskLies);
  const { box, faults, shop } = parts;

  box.switchOn();
  shop.open();
  faults.begin();
  await the.time.run(planned.days * DAY);
  the.trace(() => 'no more faults');
  faults.calm();
  box.switchOn();
  box.restart(() => {});
  shop.close();
  for (let waited = 0; waited < QUIET_WITHIN && !parts.isQuiet(); waited += HOUR) {
    await the.time.run(the.time.now() + HOUR);
  }
  parts.check();
  return {
    seed,
    broken: the.problems(),
    digest: the.digest(),
    days: planned.days,
    starts: box.starts(),
    acknowledged: shop.acknowledged.size,
    committed: parts.centrals.reduce((sum, { committed }) => sum + committed.length, 0),
    duplicates: parts.centrals.reduce((sum, one) => sum + one.duplicates(), 0),
    steps: the.time.steps(),
  };
}

function assemble(the: ReturnType<typeof world>, planned: Plan, diskLies?: boolean) {
  let ahead = 0;
  let shape: ShopShape = {
    uplinks: planned.uplinks,
    without: [],
    clock: planned.clock,
    personalHours: planned.personalHours,
    quotaMiB: planned.quotaMiB,
  };
  /** Profile stores that were not configured for a while. */
  const partly = new Set<string>();
  const lines = new Map(planned.uplinks.map((name) => [nameOf(name), uplinkLine(the, central(the, name))]));
  const asked = oracle(the);
  /** Of every event that left. */
  const bodies = new Map<string, string>();
  const told = platform(the, asked);
  told.shuffle(planned.shuffled);

  const box = createBox({
    world: the,
    wall: () => the.trueTime() + ahead,
    config: () => shopConfig(shape),
    uplinkTo: (name, run, departs) => lines.get(name)?.open(run.isAlive, departs) ?? noUplink(name),
    departs(events, uplink) {
      asked.departs(events, uplink);
      the.left(`${uplink} ${events.map(({ id }) => id).join()}`);
      for (const { id, body } of events) {
        const before = bodies.get(id);
        if (before === undefined) the.left(withoutCertificate(body));
        // Whatever happens between, an event is the same each time that it is sent (P2).
        else if (before !== body) the.broken(`${id} is sent again with other content`);
        bodies.set(id, body);
      }
    },
    began(run) {
      asked.began(run);
      told.began(run);
      checkForgotten(the, run, asked);
    },
    found(octets) {
      for (const text of legibleIn(octets, secrets))
        the.broken(`${text} can be read on the disk or in a log`);
    },
    heard: () => the.trueTime(),
    healthEvery: planned.healthEvery,
    diskLies,
  });
  const shopNetwork = network(the, box);
  const shop = createShop({ world: the, plan: planned, network: shopNetwork, platform: told, withdrawHere });
  const secrets = [...shop.shoppers.flatMap(({ ref, token }) => [ref, token]), ...shop.strangers];
  const faults = createFaults({
    world: the,
    plan: planned,
    box,
    network: shopNetwork,
    uplinks: [...lines.values()],
    devices: shop.devices,
    setClock: (by) => {
      ahead = by;
    },
    configure(change) {
      shape = { ...shape, ...change };
      for (const name of planned.uplinks) if (!shape.uplinks.includes(name)) partly.add(name);
    },
  });

  function withdrawHere({ recordId }: Shopper): void {
    const run = box.run();
    const version = run?.road.pipeline.held(recordId)?.version;
    if (!run || version === undefined) return;
    const choice = { kind: 'choice', channel: 'app', holder: { recordId }, choice: 'withdraw' } as const;
    run.enter(
      { ...choice, at: run.road.now() },
      () => asked.ended(run, recordId, version),
      () => {},
    );
  }

  return {
    box,
    shop,
    faults,
    centrals: [...lines.values()].map((line) => line.central),
    isQuiet() {
      const run = box.run();
      if (!run || shop.waiting() > 0) return false;
      const { waiting } = run.road.outbox.counts();
      const visits = run.db.prepare("SELECT 1 FROM state WHERE kind = 'visit' LIMIT 1").get();
      const orders = run.db
        .prepare("SELECT 1 FROM state WHERE kind = 'command' AND value LIKE '%\"done\":false%'")
        .get();
      return waiting === 0 && !visits && !orders;
    },
    check() {
      const run = box.run();
      if (!run) return the.broken('the box does not run, with nothing in its way');
      if (shop.waiting() > 0) the.broken(`${shop.waiting()} messages of devices are not acknowledged`);
      checkForgotten(the, run, asked);
      checkEnd(the, {
        run,
        told: [...lines].map(([uplink, { central: store, overtaken }]) => ({
          central: store,
          uplink,
          overtaken: new Set([...store.late, ...overtaken]),
          isWhole: !partly.has(store.name),
        })),
        departed: [...bodies.values()].map((body) => JSON.parse(body) as LedgerEvent),
        acknowledged: shop.acknowledged,
        commands: told.taken,
        unitsTaken: shop.unitsTaken(),
      });
      the.trace(() => `at the end: ${JSON.stringify(run.road.outbox.counts())}`);
      box.switchOff();
    },
  };
}

/** As `uplinkName` has it. */
function nameOf(name: string): string {
  return `http https://${name}.example`;
}

function noUplink(name: string): Uplink {
  throw new Error(`${name} is not in the plan`);
}

/** What says that somebody was erased carries a random number, and a signature over it. */
function withoutCertificate(body: string): string {
  return body.replace(/"certificateId":"[^"]*","certificate":"[^"]*"/, '');
}
