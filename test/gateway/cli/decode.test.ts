import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeLines } from '../../../gateway/cli/decode.ts';

async function decode(...lines: string[]) {
  const out: string[] = [];
  const summary = await decodeLines(from(lines), (line) => out.push(line));
  return { out, summary };
}

async function* from(lines: string[]): AsyncIterable<string> {
  yield* lines;
}

describe('aisle decode', () => {
  it('writes one line of JSON for each line', async () => {
    const { out, summary } = await decode(
      '{"data":"0201060616D2FC400161"}',
      '{"data":"020106"}',
      '{"topic":"zigbee2mqtt/button","payload":"{\\"action\\":\\"single\\"}"}',
    );
    expect(out).toEqual(['{"format":"bthome","fields":{"battery":97}}', 'null', 'null']);
    expect(summary).toEqual({ lines: 3, decoded: 1, unreadable: 0, reasons: [] });
  });

  it('takes the address and the key of a sealed frame, and null for none', async () => {
    const data = '0201061216d2fc41a47266c95f730011223378237214';
    const key = '231D39C1D7CC1AB1AEE224CD096DB932';
    const { out } = await decode(
      JSON.stringify({ data, key, address: '54:48:E6:8F:80:A5' }),
      JSON.stringify({ data, key, address: '5448e68f80a5' }),
      JSON.stringify({ data, key: null, address: null }),
      JSON.stringify({ data, key: key.slice(2), address: '5448e68f80a5' }),
    );
    const opened = '{"format":"bthome","fields":{"temperature":25.06,"humidity":50.55}}';
    const closed = '{"format":"bthome","fields":{}}';
    expect(out).toEqual([opened, opened, closed, closed]);
  });

  it('writes null for a line that cannot be read, and says which and why', async () => {
    const bad = [
      '',
      'hello',
      '{"data":"02 01 06"}',
      '{"data":"0201 06"}',
      '{"data":"020"}',
      '{"data":"0x020106"}',
      '{"data":12}',
      '{"data":"020106","address":"5448"}',
      '{"data":"020106","key":"zz"}',
      '{"topic":"a/b"}',
      '[]',
      'null',
      '{}',
    ];
    const { out, summary } = await decode(...bad, '{"data":""}');
    expect(out).toEqual([...bad.map(() => 'null'), 'null']);
    expect(summary).toMatchObject({ lines: bad.length + 1, decoded: 0, unreadable: bad.length });
    expect(summary.reasons).toHaveLength(10);
    expect(summary.reasons[0]).toEqual({ line: 1, reason: 'is no JSON' });
    expect(summary.reasons[2]).toEqual({ line: 3, reason: '"data" is no hexadecimal text' });
    expect(summary.reasons[7]).toEqual({ line: 8, reason: '"address" is no Bluetooth address' });
  });

  it('reads what another maker’s gateway published, as if it had been heard here', async () => {
    const topic = 'home/OpenMQTTGateway/BTtoMQTT/5210A84690AC';
    const lines = [
      // docs/use/ble.md of 1technophile/OpenMQTTGateway; the BTHome frame is bthome.io's own example
      '{"id":"52:10:A8:46:90:AC","mac_type":1,"rssi":-76,"brand":"GENERIC","model":"iBeacon","model_id":"IBEACON","mfid":"4c00","uuid":"1de4b189115e45f6b44e509352269977","major":0,"minor":0,"txpower":-66}',
      '{"id":"54:48:E6:8F:80:A5","rssi":-60,"servicedata":"4002ca0903bf13","servicedatauuid":"0xfcd2"}',
      '{"id":"59:D6:88:02:47:B8","name":"[LG] webOS TV OLED65C7V","rssi":-63,"distance":1.602966}',
      '{"id":"59:D6',
    ];
    const { out, summary } = await decode(...lines.map((payload) => JSON.stringify({ topic, payload })));
    expect(out).toEqual([
      '{"format":"ibeacon","fields":{"proximity_uuid":"1de4b189-115e-45f6-b44e-509352269977","major":0,"minor":0,"measured_power":-66}}',
      '{"format":"bthome","fields":{"temperature":25.06,"humidity":50.55}}',
      'null',
      'null',
    ]);
    expect(summary).toMatchObject({ lines: 4, decoded: 2, unreadable: 0 });
  });

  it('reads every line of the cases, whatever else stands in it', async () => {
    const file = new URL('../../devices/wire/data/ble-cases.jsonl', import.meta.url);
    const { summary } = await decode(...readFileSync(file, 'utf8').trim().split('\n'));
    expect(summary).toEqual({ lines: 92, decoded: 92, unreadable: 0, reasons: [] });
  });
});
