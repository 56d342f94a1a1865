import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { h4Framing } from '../../../../gateway/radio/noble/h4-framing.ts';
import { CAPTURED } from '../captured-frames.ts';

const packets = [
  ...CAPTURED.map(({ hex }) => hex.toLowerCase()),
  // ACL, synchronous and ISO data, and an event without parameters.
  '02400003000102ff',
  '03400002aabb',
  '0540000200aabb',
  '041000',
];

function cut(chunks: Buffer[]): { packets: string[]; readable: boolean } {
  const found: string[] = [];
  const take = h4Framing((packet) => found.push(packet.toString('hex')));
  return { readable: chunks.map(take).every(Boolean), packets: found };
}

describe('H4 framing', () => {
  const stream = Buffer.from(packets.join(''), 'hex');

  it('finds the packets wherever the stream is split', () => {
    for (let at = 0; at <= stream.length; at += 1) {
      expect(cut([stream.subarray(0, at), stream.subarray(at)])).toEqual({ packets, readable: true });
    }
    expect(cut(Array.from(stream, (octet) => Buffer.from([octet])))).toEqual({ packets, readable: true });
  });

  it('gives up at an octet that begins no packet, after those before it', () => {
    const broken = Buffer.concat([Buffer.from(packets[0] ?? '', 'hex'), Buffer.from('ff00', 'hex')]);
    expect(cut([broken])).toEqual({ packets: [packets[0]], readable: false });
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 })),
        (chunks) => void cut(chunks.map((c) => Buffer.from(c))),
      ),
    );
  });
});
