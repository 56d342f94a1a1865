import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../gateway/config.ts';
import { acceptedFrames } from '../../gateway/receiver-frames.ts';

function shop(mode: string, more = '') {
  return parseConfig(
    `store: { id: s1, gateway: g1, timezone: Europe/Paris, notice: { id: n1, version: "1", languages: [fr] } }
mode: ${mode}
map: {}
devices: [{ id: button-1, kind: smart-button, address: "54:48:e6:8f:80:a5" }]
${more}`,
    '/shop/aisle.yaml',
  );
}
const PRIVATE = 'recognise: { privateAddress: true }';

describe('R2: what receivers may send on', () => {
  it('are frames that could be a key, and our devices’', () => {
    expect(acceptedFrames(shop('identify'), ['f7826da64fa24e988024bc5b71e0893e'])).toEqual([
      'eddystone-eid',
      'rolling-token',
      'ibeacon:f7826da64fa24e988024bc5b71e0893e',
      'address:54:48:e6:8f:80:a5',
    ]);
  });

  it.each(['off', 'anonymous'])('in mode %s are our devices’ alone', (mode) => {
    expect(acceptedFrames(shop(mode, PRIVATE), ['f7826da64fa24e988024bc5b71e0893e'], true)).toEqual([
      'address:54:48:e6:8f:80:a5',
    ]);
  });

  it('are private addresses only where the shop asked for them and somebody agreed to it', () => {
    const isAsked = (more: string, holdsIrk?: boolean) =>
      acceptedFrames(shop('identify', more), [], holdsIrk).includes('private-address');
    expect(isAsked(PRIVATE, true)).toBe(true);
    expect([isAsked(PRIVATE, false), isAsked(PRIVATE), isAsked('', true)]).toEqual([false, false, false]);
  });
});
