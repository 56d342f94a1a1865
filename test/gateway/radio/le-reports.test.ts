import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LeReport, leReportReader } from '../../../gateway/radio/le-reports.ts';
import { CAPTURED } from './captured-frames.ts';

/** Reads whole H4 packets with one reader, as one adapter's. */
function read(packets: (string | Uint8Array)[], at: (i: number) => number = () => 0): LeReport[] {
  const reader = leReportReader();
  return packets.flatMap((packet, i) => {
    const octets = typeof packet === 'string' ? Buffer.from(packet, 'hex') : packet;
    return reader(octets[3] ?? 0, octets[4] ?? 0, octets.subarray(5), at(i));
  });
}

const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');
const readable = (reports: LeReport[]) => reports.map((report) => ({ ...report, data: hex(report.data) }));

describe('captured LE reports', () => {
  it.each(CAPTURED)(
    '$name is read as the other project reads it',
    ({ name: _, hex: packet, ...expected }) => {
      expect(readable(read([packet]))).toEqual([expected]);
    },
  );

  it('come several in one event, in their order', () => {
    for (const subevent of ['02', '0d']) {
      const single = CAPTURED.filter(({ hex: packet }) => packet.slice(6, 8).toLowerCase() === subevent);
      const reports = single.map(({ hex: packet }) => packet.slice(10)).join('');
      const event = `043eff${subevent}${single.length.toString(16).padStart(2, '0')}${reports}`;
      expect(readable(read([event])).map(({ data }) => data)).toEqual(single.map(({ data }) => data));
    }
  });
});

/** One extended report, §7.7.65.13. */
function extended(options: {
  address?: string;
  status?: number;
  type?: number;
  sid?: number;
  data: string;
}): Buffer {
  const { address = '112233445566', status = 0, type = 0, sid = 0, data } = options;
  const header = [0x0d, 0x01, type | (status << 5), 0x00, 0x01];
  const rest = [0x01, 0x01, sid, 0x7f, 0xc4, 0, 0, 0, 0, 0, 0, 0, 0, 0, data.length / 2];
  const body = Buffer.concat([
    Buffer.from(header),
    Buffer.from(address, 'hex').reverse(),
    Buffer.from(rest),
    Buffer.from(data, 'hex'),
  ]);
  return Buffer.concat([Buffer.from([0x04, 0x3e, body.length]), body]);
}
const MORE = 1;
const TRUNCATED = 2;

// The cases of Zephyr's tests/bluetooth/host_long_adv_recv (Apache-2.0), and those of the specification.
describe('extended advertisements in parts', () => {
  const a1 = extended({ address: 'aaaaaaaaaaaa', status: MORE, data: 'a1a1' });
  const a2 = extended({ address: 'aaaaaaaaaaaa', data: 'a2' });
  const b1 = extended({ address: 'bbbbbbbbbbbb', status: MORE, data: 'b1' });
  const b2 = extended({ address: 'bbbbbbbbbbbb', data: 'b2b2' });
  const payloads = (packets: Buffer[], at?: (i: number) => number) =>
    read(packets, at).map(({ data }) => hex(data));

  it('are put together once the last part came', () => {
    expect(payloads([a1, a2, b1, b2])).toEqual(['a1a1a2', 'b1b2b2']);
    expect(payloads([a1, a1, a2])).toEqual(['a1a1a1a1a2']);
  });

  it('may be interleaved with other advertisers’ parts and whole advertisements', () => {
    expect(payloads([a1, b1, a2, b2])).toEqual(['a1a1a2', 'b1b2b2']);
    const legacy = extended({ address: 'aaaaaaaaaaaa', type: 0x13, sid: 0xff, data: 'cc' });
    expect(payloads([a1, legacy, a2])).toEqual(['cc', 'a1a1a2']);
  });

  it('are kept apart by advertising set, and from the scan response', () => {
    const otherSet = extended({ address: 'aaaaaaaaaaaa', sid: 3, data: 'dd' });
    const response = extended({ address: 'aaaaaaaaaaaa', type: 0x08, data: 'ee' });
    expect(payloads([a1, otherSet, response, a2])).toEqual(['dd', 'ee', 'a1a1a2']);
  });

  it('are dropped when the controller says that the rest is lost', () => {
    const lost = extended({ address: 'aaaaaaaaaaaa', status: TRUNCATED, data: 'ff' });
    expect(payloads([lost])).toEqual([]);
    expect(payloads([a1, lost, a2])).toEqual(['a2']);
    expect(payloads([a1, lost, b1, b2])).toEqual(['b1b2b2']);
  });

  it('are dropped when the rest does not follow within a second', () => {
    expect(payloads([a1, a2], (i) => 1000 * i)).toEqual(['a2']);
    expect(payloads([a1, a2], (i) => 999 * i)).toEqual(['a1a1a2']);
  });

  it('are dropped with their last part when they are longer than an advertisement can be', () => {
    const part = extended({ address: 'aaaaaaaaaaaa', status: MORE, data: '77'.repeat(229) });
    expect(payloads([...new Array(7).fill(part), a2])[0]).toHaveLength(2 * (7 * 229 + 1));
    expect(payloads([...new Array(8).fill(part), a2, b2])).toEqual(['b2b2']);
    expect(payloads([...new Array(500).fill(part), a2, a2])).toEqual(['a2']);
  });

  it('take no more memory than 32 of them, however many begin', () => {
    const beginnings = Array.from({ length: 1000 }, (_, i) =>
      extended({ address: i.toString(16).padStart(12, '0'), status: MORE, data: '01' }),
    );
    const ends = beginnings.map((packet) => {
      const end = Buffer.from(packet);
      end[5] = 0;
      return end;
    });
    const whole = payloads([...beginnings, ...ends]).filter((data) => data === '0101');
    expect(whole.length).toBeGreaterThan(0);
    expect(whole.length).toBeLessThanOrEqual(33);
  });
});

describe('fields with special values', () => {
  const legacy = (options: { type?: string; rssi?: string; data?: string }) => {
    const { type = '01', rssi = 'c4', data = '020106' } = options;
    const length = (data.length / 2).toString(16).padStart(2, '0');
    return `043e0f020103${type}665544332211${length}${data}${rssi}`;
  };

  it.each([
    ['7f', null],
    ['80', null],
    ['15', null],
    ['14', 20],
    ['81', -127],
    ['00', 0],
  ])('an RSSI of 0x%s is %s', (rssi, expected) => {
    expect(read([legacy({ rssi })])[0]?.rssi).toBe(expected);
  });

  it.each([
    ['00', 'public'],
    ['01', 'random'],
    ['02', 'public'],
    ['03', 'random'],
  ])('address type 0x%s is %s', (type, expected) => {
    expect(read([legacy({ type })])[0]?.addressType).toBe(expected);
  });

  it('an advertiser without address, or of an unknown kind, is nobody', () => {
    expect(read([legacy({ type: 'ff' })])).toEqual([]);
    expect(read([legacy({ type: '04' })])).toEqual([]);
  });

  it('the data are a copy: the socket’s memory may change', () => {
    const packet = Buffer.from(CAPTURED[0].hex, 'hex');
    const [report] = read([packet]);
    packet.fill(0);
    expect(hex(report?.data ?? new Uint8Array())).toBe(CAPTURED[0].data);
  });
});

describe('octets that are no reports', () => {
  it('yield what was whole before them', () => {
    for (const { hex: packet, data } of CAPTURED) {
      const octets = Buffer.from(packet, 'hex');
      const twice = Buffer.concat([octets, octets.subarray(5)]);
      twice[4] = 2;
      for (let length = octets.length; length < twice.length; length += 1) {
        expect(read([twice.subarray(0, length)]).map((report) => hex(report.data))).toEqual([data]);
      }
    }
  });

  it('never throw and never hang, whatever they are', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const events = fc.array(
      fc.tuple(
        fc.constantFrom(0x02, 0x0d, 0x01, 0xff),
        octet,
        fc.uint8Array({ maxLength: 260 }),
        fc.nat(5000),
      ),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(events, (sequence) => {
        const reader = leReportReader();
        for (const [subevent, count, octets, at] of sequence) {
          for (const report of reader(subevent, count, octets, at)) {
            expect(report.address).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
            expect(report.data.length).toBeLessThanOrEqual(1650);
          }
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('never throw where a captured packet has lost, changed or gained octets', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CAPTURED),
        fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
        fc.nat(60),
        ({ hex: packet }, changes, length) => {
          const octets = Buffer.from(packet, 'hex').subarray(0, 5 + length);
          for (const [at, value] of changes) if (at < octets.length) octets[at] = value;
          expect(() => read([octets])).not.toThrow();
        },
      ),
      { numRuns: 3000 },
    );
  });
});
