import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type HciController, hciController } from '../../firmware-sim/hci-controller.ts';
import { CAPTURED } from '../gateway/radio/captured-frames.ts';
import { until } from '../support/until.ts';

type Finish = (end: () => void | Promise<void>) => void;

/** A host that sends commands as hex, each after the answer to the one before, and gathers what it gets. */
async function host(onTestFinished: Finish, options: Parameters<typeof hciController>[0] = {}) {
  const controller = await hciController(options);
  const socket = connect(controller.port, '127.0.0.1');
  onTestFinished(async () => {
    socket.destroy();
    await controller.close();
  });
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('hex');
  });
  const got = async (hex: string): Promise<void> => {
    await until(() => received.length >= hex.length, hex);
    const first = received.slice(0, hex.length);
    received = received.slice(hex.length);
    expect(first).toBe(hex);
  };
  const send = (hex: string) => socket.write(Buffer.from(hex, 'hex'));
  return { controller, send, got };
}

// Commands and answers as the Core Specification's vol 4 E lays them out, octet by octet.
const RESET = ['01030c00', '040e0401030c00'] as const;
const EVENT_MASK = ['01010c08ffffffffff1f0020', '040e0401010c00'] as const;
const LE_EVENT_MASK = ['010120080200000000000000', '040e0401012000'] as const;
const SCAN_PARAMETERS = ['010b200700600060000000', '040e04010b2000'] as const;
const SCAN_ON = ['010c20020100', '040e04010c2000'] as const;
const SCAN_ON_WITHOUT_DUPLICATES = ['010c20020101', '040e04010c2000'] as const;
const LE_EVENT_MASK_EXTENDED = ['010120080010000000000000', '040e0401012000'] as const;
const EXTENDED_PARAMETERS = ['014120080000010060006000', '040e0401412000'] as const;
const EXTENDED_ON = ['01422006010000000000', '040e0401422000'] as const;

async function run({ send, got }: Awaited<ReturnType<typeof host>>, steps: (readonly [string, string])[]) {
  for (const [command, answer] of steps) {
    send(command);
    await got(answer);
  }
}

const LEGACY = CAPTURED[0];
const EXTENDED = CAPTURED[4];
const advertising = ({ address, addressType, rssi, data }: (typeof CAPTURED)[number]) =>
  ({ address, addressType, rssi, data: Buffer.from(data, 'hex'), eventType: 'adv_ind' }) as const;
const advertise = (controller: HciController, captured: (typeof CAPTURED)[number]) =>
  controller.advertise(advertising(captured));

describe('the simulated controller', () => {
  it('reports an advertisement in the very octets of a real one', async ({ onTestFinished }) => {
    const connected = await host(onTestFinished);
    await run(connected, [RESET, EVENT_MASK, LE_EVENT_MASK, SCAN_PARAMETERS, SCAN_ON]);
    expect(advertise(connected.controller, LEGACY)).toBe(true);
    await connected.got(LEGACY.hex.toLowerCase());
  });

  it('reports by extended scanning in the very octets of a real one', async ({ onTestFinished }) => {
    const connected = await host(onTestFinished);
    await run(connected, [RESET, EVENT_MASK, LE_EVENT_MASK_EXTENDED, EXTENDED_PARAMETERS, EXTENDED_ON]);
    expect(advertise(connected.controller, EXTENDED)).toBe(true);
    await connected.got(EXTENDED.hex.toLowerCase());
  });

  it('reports nothing before it scans, after a reset, and what the masks hold back', async ({
    onTestFinished,
  }) => {
    const connected = await host(onTestFinished);
    const { controller } = connected;
    await run(connected, [RESET, SCAN_PARAMETERS, SCAN_ON]);
    // LE Meta is not in the mask that a reset leaves.
    expect(advertise(controller, LEGACY)).toBe(false);
    await run(connected, [EVENT_MASK]);
    expect(advertise(controller, LEGACY)).toBe(true);
    await connected.got(LEGACY.hex.toLowerCase());
    await run(connected, [RESET, EVENT_MASK]);
    expect(advertise(controller, LEGACY)).toBe(false);
  });

  it('reports an advertiser once where the host wants no duplicates', async ({ onTestFinished }) => {
    const connected = await host(onTestFinished);
    await run(connected, [RESET, EVENT_MASK, SCAN_PARAMETERS, SCAN_ON_WITHOUT_DUPLICATES]);
    const reports = [1, 2, 3].map(() => advertise(connected.controller, LEGACY));
    expect(reports).toEqual([true, false, false]);
  });

  it('answers what it does not know, what does not fit, and what it must not do', async ({
    onTestFinished,
  }) => {
    const connected = await host(onTestFinished);
    await run(connected, [
      RESET,
      ['01ffff00', '040e0401ffff01'],
      ['010c200101', '040e04010c2012'],
      ['010b200700600061000000', '040e04010b2012'],
      SCAN_ON,
      ['010b200700600060000000', '040e04010b200c'],
      // Legacy and extended commands do not mix until a reset.
      ['01422006010000000000', '040e040142200c'],
      RESET,
      EXTENDED_PARAMETERS,
    ]);
  });

  it('refuses to scan when it is told to', async ({ onTestFinished }) => {
    const connected = await host(onTestFinished);
    connected.controller.refuseScan(0x0c);
    await run(connected, [RESET, ['010c20020100', '040e04010c200c']]);
    expect(connected.controller.isScanning()).toBe(false);
  });

  it('loses a command that came before there was room for it', async ({ onTestFinished }) => {
    const connected = await host(onTestFinished);
    connected.send(RESET[0] + EVENT_MASK[0]);
    await connected.got(RESET[1]);
    expect(connected.controller.overruns()).toBe(1);
    expect(connected.controller.commands()).toEqual([0x0c03]);
  });

  it('refuses to put on the air what no controller could', async ({ onTestFinished }) => {
    const { controller } = await host(onTestFinished);
    const long = { ...advertising(LEGACY), data: new Uint8Array(32) };
    expect(() => controller.advertise(long)).toThrow('at most 31 fit');
    const longer = { ...long, data: new Uint8Array(1651), eventType: 'extended' } as const;
    expect(() => controller.advertise(longer)).toThrow('at most 1650 fit');
  });
});
