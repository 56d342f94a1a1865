/**
 * HCI packets that real controllers sent, with what another project's tests read from them:
 * custom-components/ble_monitor, custom_components/ble_monitor/test/ (MIT).
 */
export const CAPTURED = [
  {
    name: 'iBeacon (test_ibeacon_parser.py)',
    hex: '043E2A02010001433EA2C96B6A1E02011A1AFF4C000215E2C56DB5DFFB48D2B060D0F5A71096E000640000C5B3',
    address: '6a:6b:c9:a2:3e:43',
    addressType: 'random',
    rssi: -77,
    data: '02011a1aff4c000215e2c56db5dffb48d2b060d0f5a71096e000640000c5',
  },
  {
    name: 'AltBeacon (test_altbeacon_parser.py)',
    hex: '043E280201020105988527406D1C1BFFFFFFBEACD3162F5AF3EE494799DB09756062D0FC005A0005C400D4',
    address: '6d:40:27:85:98:05',
    addressType: 'random',
    rssi: -44,
    data: '1bffffffbeacd3162f5af3ee494799db09756062d0fc005a0005c400',
  },
  {
    name: 'BTHome v2, encrypted (test_bthome_v2.py)',
    hex: '043E2202010000A5808FE64854160201061216d2fc41a47266c95f730011223378237214CC',
    address: '54:48:e6:8f:80:a5',
    addressType: 'public',
    rssi: -52,
    data: '0201061216d2fc41a47266c95f730011223378237214',
  },
  {
    name: 'iPhone (test_ibeacon_parser.py)',
    hex: '043E1D02010001433EA2C96B6A1102011A020A0C0AFF4C001005441CBD08C5BB',
    address: '6a:6b:c9:a2:3e:43',
    addressType: 'random',
    rssi: -69,
    data: '02011a020a0c0aff4c001005441cbd08c5',
  },
  {
    name: 'ATC thermometer by extended scanning (test_atc_parser.py)',
    hex: '043E2B0D011300004E7CBC38C1A40100FF7FB90000000000000000001110161A18A4C138BC7C4E0102284F0B6720',
    address: 'a4:c1:38:bc:7c:4e',
    addressType: 'public',
    rssi: -71,
    data: '10161a18a4c138bc7c4e0102284f0b6720',
  },
  {
    name: 'Sensirion MyCO2 by extended scanning (test_sensirion_parser.py)',
    hex: '043e320d0113000135673cdceaf80100ff7fb0000000000000000000180201060dffd506000867355367925c0b0406094d79434f32',
    address: 'f8:ea:dc:3c:67:35',
    addressType: 'random',
    rssi: -80,
    data: '0201060dffd506000867355367925c0b0406094d79434f32',
  },
] as const;
