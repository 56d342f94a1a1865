import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wifi } from '../../devices/wifi.ts';
import { readHostapdLine } from '../../devices/wire/hostapd.ts';
import { readAccounting } from '../../devices/wire/radius-accounting.ts';
import { stationAddress } from '../../devices/wire/wifi-address.ts';

/** What a message of the Wi-Fi says; text where it has not the form. */
function read(name: keyof typeof wifi.messages, json: unknown) {
  const { schema, read: readings } = wifi.messages[name];
  const parsed = schema.safeParse(json);
  return parsed.success ? readings(parsed.data as never) : 'wrong form';
}

const ANNA = { 'User-Name': 'anna', 'Calling-Station-Id': '00-10-A4-23-19-C0' };
const SEEN = { kind: 'wifi', user: 'anna', address: '00:10:a4:23:19:c0' };

describe('an accounting record', () => {
  // Names and numbers: dictionary.rfc2866 of FreeRADIUS, where Alive is another name of Interim-Update.
  it.each([
    ['Start', [{ ...SEEN, session: 'start' }]],
    [1, [{ ...SEEN, session: 'start' }]],
    ['1', [{ ...SEEN, session: 'start' }]],
    ['Interim-Update', [{ ...SEEN, session: 'alive' }]],
    ['Alive', [{ ...SEEN, session: 'alive' }]],
    [3, [{ ...SEEN, session: 'alive' }]],
    ['Stop', [{ ...SEEN, session: 'stop' }]],
    [2, [{ ...SEEN, session: 'stop' }]],
    ['Accounting-On', [{ kind: 'wifi', session: 'stop' }]],
    [8, [{ kind: 'wifi', session: 'stop' }]],
    ['Failed', 'wrong form'],
    [15, 'wrong form'],
    ['Tunnel-Start', 'wrong form'],
    [{}, 'wrong form'],
    [null, 'wrong form'],
    ['constructor', 'wrong form'],
  ])('with Acct-Status-Type %j', (status, said) => {
    expect(read('accounting', { 'Acct-Status-Type': status, ...ANNA })).toEqual(said);
  });

  // The form of rlm_rest, and the values of a real request in another project's tests (Feb 2019).
  it('as FreeRADIUS’ rlm_rest sends it', () => {
    const record = {
      'Acct-Status-Type': { type: 'integer', value: [1] },
      'User-Name': { type: 'string', value: ['someone1'] },
      'NAS-IP-Address': { type: 'ipaddr', value: ['127.0.0.1'] },
      'Calling-Station-Id': { type: 'string', value: ['02-00-00-00-00-01'] },
      'NAS-Port-Type': { type: 'integer', value: [19] },
      'Event-Timestamp': { type: 'date', value: ['Feb  4 2019 20:10:43 UTC'] },
    };
    expect(read('accounting', record)).toEqual([
      { kind: 'wifi', session: 'start', user: 'someone1', address: '02:00:00:00:00:01' },
    ]);
  });

  it.each([
    ['by number', { 40: 1, 1: 'anna', 31: '0010.a423.19c0' }],
    ['in other spellings', { acctStatusType: 'Start', user_name: 'anna', callingStationId: '0010a42319c0' }],
    [
      'in lists',
      { 'Acct-Status-Type': ['Start'], 'User-Name': ['anna'], 'Calling-Station-Id': ['00:10:A4:23:19:C0'] },
    ],
  ])('with attributes %s', (_how, record) => {
    expect(read('accounting', record)).toEqual([{ ...SEEN, session: 'start' }]);
  });

  // The names that access points make up without a sign-in: an address, or the outer identity of a tunnel.
  it.each([
    undefined,
    '',
    '@shop.example',
    'anonymous',
    'Anonymous@shop.example',
    '40:D3:AE:04:32:0C',
    '40d3ae04320c',
  ])('R2: of a station that did not sign in is nobody’s: User-Name %j', (user) => {
    const record = { ...ANNA, 'User-Name': user };
    expect(read('accounting', { 'Acct-Status-Type': 'Start', ...record })).toEqual([]);
    expect(read('accounting', { 'Acct-Status-Type': 'Stop', ...record })).toEqual([]);
  });

  it('that was long on its way says nothing of the present, but ends a session', () => {
    const late = { ...ANNA, 'Acct-Delay-Time': 61 };
    expect(read('accounting', { 'Acct-Status-Type': 'Start', ...late })).toEqual([]);
    expect(read('accounting', { 'Acct-Status-Type': 'Alive', ...late })).toEqual([]);
    expect(read('accounting', { 'Acct-Status-Type': 'Stop', ...late })).toEqual([
      { ...SEEN, session: 'stop' },
    ]);
  });

  it('without a station that can be read is its user’s all the same', () => {
    const record = { 'Acct-Status-Type': 'Start', 'User-Name': 'anna', 'Calling-Station-Id': '10.0.0.7' };
    expect(read('accounting', record)).toEqual([{ kind: 'wifi', session: 'start', user: 'anna' }]);
  });

  it.each([[null], [[]], [7], ['Start'], [{}]])('that is %j has not the form', (json) => {
    expect(read('accounting', json)).toBe('wrong form');
  });

  it('with two users in one attribute is nobody’s', () => {
    expect(readAccounting({ 'Acct-Status-Type': 'Start', 'User-Name': ['anna', 'bert'] })).toEqual({
      status: 'start',
      delayS: 0,
    });
  });

  it('never throws, whatever comes', () => {
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (json) => void readAccounting(json)));
  });
});

describe('a line of hostapd', () => {
  it.each([
    // logread of OpenWrt, Feb 2020 and July 2026; hostapd in the foreground; hostapd_cli -a; syslog; a newer hostapd
    [
      'Sat Feb 15 14:21:54 2020 daemon.notice hostapd: wlan0: AP-STA-DISCONNECTED a2:2c:d3:55:3f:2f',
      false,
      'a2:2c:d3:55:3f:2f',
    ],
    [
      'Sun Jul 26 03:14:17 2026 daemon.notice hostapd: wlan1: AP-STA-CONNECTED 3c:22:fb:8a:12:9d',
      true,
      '3c:22:fb:8a:12:9d',
    ],
    ['wlan0: AP-STA-CONNECTED 9c:b6:d0:0c:e3:8d', true, '9c:b6:d0:0c:e3:8d'],
    ['<3>AP-STA-CONNECTED aa:bb:cc:dd:ee:ff', true, 'aa:bb:cc:dd:ee:ff'],
    [
      '2024-02-03T11:20:39+01:00 wap-b300-j hostapd: wlan0-2: AP-STA-DISCONNECTED ec:63:d7:f9:44:c1',
      false,
      'ec:63:d7:f9:44:c1',
    ],
    ['hostapd[812]: phy1-ap0: AP-STA-CONNECTED 02:11:22:33:44:55 auth_alg=open', true, '02:11:22:33:44:55'],
  ])('%s', (line, connected, address) => {
    expect(readHostapdLine(line)).toEqual({ connected, address });
  });

  it.each([
    'wlan0: STA 9c:b6:d0:0c:e3:8d IEEE 802.11: associated',
    'wlan0: AP-STA-POSSIBLE-PSK-MISMATCH 9c:b6:d0:0c:e3:8d',
    'wlan0: AP-STA-CONNECTED xx:yy:zz:42:a2:2c',
    'wlan0: AP-STA-CONNECTED 9c:b6:d0:0c:e3:8d:11',
    'dnsmasq-dhcp[1537]: DHCPACK(br-lan) 10.0.0.2 f2:60:d2:4c:60:05 AP-STA-CONNECTED 9c:b6:d0:0c:e3:8d',
    '',
  ])('that says something else is nothing: %s', (line) => {
    expect(readHostapdLine(line)).toBeUndefined();
    expect(read('hostapd', line)).toEqual([]);
  });

  it('comes as text or in an object', () => {
    const line = 'wlan0: AP-STA-CONNECTED 9c:b6:d0:0c:e3:8d';
    const said = [{ kind: 'wifi', session: 'start', address: '9c:b6:d0:0c:e3:8d' }];
    expect(read('hostapd', line)).toEqual(said);
    expect(read('hostapd', { line, seq: 1, boot: 'b' })).toEqual(said);
    expect(read('hostapd', { line: 7 })).toBe('wrong form');
    expect(read('hostapd', 'x'.repeat(2_000))).toBe('wrong form');
  });

  it('is read in no time, however it is made', () => {
    const startedAt = performance.now();
    readHostapdLine(`${'hostapd: '.repeat(110)}AP-STA-CONNECTED`);
    expect(performance.now() - startedAt).toBeLessThan(100);
  });
});

it.each([
  ['00-10-A4-23-19-C0', '00:10:a4:23:19:c0'],
  ['00:10:a4:23:19:c0', '00:10:a4:23:19:c0'],
  ['0010.A423.19C0', '00:10:a4:23:19:c0'],
  ['0010a42319c0', '00:10:a4:23:19:c0'],
  ['00-10-A4-23-19-C0:Shop', undefined],
  ['10.0.0.7', undefined],
  ['', undefined],
])('the station %j is %j', (text, address) => {
  expect(stationAddress(text)).toBe(address);
});
