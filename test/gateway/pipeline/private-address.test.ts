import { describe, expect, it } from 'vitest';
import { type Config, configSchema } from '../../../gateway/config.ts';
import { createDecode } from '../../../gateway/pipeline/decode.ts';
import { nothingStored } from '../../../gateway/pipeline/outcome.ts';
import { createSeen } from '../../../gateway/pipeline/seen.ts';
import { advertisement, devicesOf, OPEN_BUTTON, shopConfig, shopMap, TEN } from './shop.ts';

/** An iPhone's own frame, ble_monitor test_ibeacon_parser.py (MIT). */
const CONTINUITY = '02011a020a0c0fff4c000f06a033bd08c5001002440c';
/** Core Spec vol 3 H, D.7. */
const RESOLVABLE = '70:81:94:0d:fb:aa';

/** A receiver of our own that advertises: it has an address and says nothing by its frames. */
const RECEIVER = '54:48:e6:00:00:01';
function withReceiver(config: Config): Config {
  return configSchema.parse({
    ...config,
    devices: [...config.devices, { id: 'r-own', kind: 'receiver', address: RECEIVER }],
  });
}

function sightings(
  address: string,
  parts: { asked?: boolean; type?: 'public' | 'random'; hex?: string } = {},
) {
  const { asked, type = 'random', hex = CONTINUITY } = parts;
  const options = asked === undefined ? [] : [{ privateAddresses: asked }];
  const decode = createDecode(
    devicesOf(shopConfig(withReceiver)),
    shopMap(),
    createSeen(nothingStored),
    ...options,
  );
  return decode({ ...advertisement('r-shoes', address, hex, TEN), addressType: type }).sightings;
}

describe('a frame from a resolvable private address', () => {
  it('is a sighting of it where the shop asked for that, and of nothing otherwise', () => {
    const key = { kind: 'private-address', address: RESOLVABLE };
    expect(sightings(RESOLVABLE, { asked: true })).toEqual([{ key, anchor: 'r-shoes', rssi: -60, at: TEN }]);
    expect(sightings(RESOLVABLE, { asked: false })).toEqual([]);
    expect(sightings(RESOLVABLE)).toEqual([]);
  });

  it('is none of another kind of address', () => {
    expect(sightings(RESOLVABLE, { asked: true, type: 'public' })).toEqual([]);
    for (const first of ['30', '80', 'c0'])
      expect(sightings(`${first}:81:94:0d:fb:aa`, { asked: true })).toEqual([]);
  });

  it('is a sighting of the key that it carries, too', () => {
    const hex = `15ffffff4149${'5a'.repeat(16)}`;
    const kinds = sightings(RESOLVABLE, { asked: true, hex }).map(({ key }) => key.kind);
    expect(kinds).toEqual(['private-address', 'rolling-token']);
  });

  it('is never one where the address is a device’s of ours', () => {
    // 54:… has the upper bits 01 as well.
    for (const address of [OPEN_BUTTON, RECEIVER]) expect(sightings(address, { asked: true })).toEqual([]);
  });
});
