/** What an interface of bluetoothd is made of, for introspection and for what calls are taken. */
export interface InterfaceShape {
  /** Member → its signatures. */
  methods: Record<string, readonly [takes: string, gives: string]>;
  /** Property → signature and access. */
  properties: Record<string, readonly [signature: string, access: 'read' | 'readwrite']>;
  signals?: Record<string, string>;
}

export const PROPERTIES = 'org.freedesktop.DBus.Properties';
export const OBJECT_MANAGER = 'org.freedesktop.DBus.ObjectManager';
export const INTROSPECTABLE = 'org.freedesktop.DBus.Introspectable';
export const ADAPTER = 'org.bluez.Adapter1';
export const DEVICE = 'org.bluez.Device1';
export const BATTERY = 'org.bluez.Battery1';
export const SERVICE = 'org.bluez.GattService1';
export const CHARACTERISTIC = 'org.bluez.GattCharacteristic1';
export const DESCRIPTOR = 'org.bluez.GattDescriptor1';
export const AGENT_MANAGER = 'org.bluez.AgentManager1';

const r = (signature: string) => [signature, 'read'] as const;
const rw = (signature: string) => [signature, 'readwrite'] as const;

/** Interfaces by name: doc/org.bluez.*.rst of BlueZ 5.66, less what is experimental there. */
export const INTERFACES: Record<string, InterfaceShape> = {
  [INTROSPECTABLE]: { methods: { Introspect: ['', 's'] }, properties: {} },
  'org.freedesktop.DBus.Peer': { methods: { Ping: ['', ''] }, properties: {} },
  [PROPERTIES]: {
    methods: { Get: ['ss', 'v'], Set: ['ssv', ''], GetAll: ['s', 'a{sv}'] },
    properties: {},
    signals: { PropertiesChanged: 'sa{sv}as' },
  },
  [OBJECT_MANAGER]: {
    methods: { GetManagedObjects: ['', 'a{oa{sa{sv}}}'] },
    properties: {},
    signals: { InterfacesAdded: 'oa{sa{sv}}', InterfacesRemoved: 'oas' },
  },
  [AGENT_MANAGER]: {
    methods: { RegisterAgent: ['os', ''], UnregisterAgent: ['o', ''], RequestDefaultAgent: ['o', ''] },
    properties: {},
  },
  [ADAPTER]: {
    methods: {
      StartDiscovery: ['', ''],
      StopDiscovery: ['', ''],
      SetDiscoveryFilter: ['a{sv}', ''],
      GetDiscoveryFilters: ['', 'as'],
      RemoveDevice: ['o', ''],
    },
    properties: {
      Address: r('s'),
      AddressType: r('s'),
      Name: r('s'),
      Alias: rw('s'),
      Class: r('u'),
      Powered: rw('b'),
      Discoverable: rw('b'),
      DiscoverableTimeout: rw('u'),
      Pairable: rw('b'),
      PairableTimeout: rw('u'),
      Discovering: r('b'),
      UUIDs: r('as'),
      Modalias: r('s'),
      Roles: r('as'),
    },
  },
  [DEVICE]: {
    methods: {
      Connect: ['', ''],
      Disconnect: ['', ''],
      ConnectProfile: ['s', ''],
      DisconnectProfile: ['s', ''],
      Pair: ['', ''],
      CancelPairing: ['', ''],
    },
    properties: {
      Address: r('s'),
      AddressType: r('s'),
      Name: r('s'),
      Alias: rw('s'),
      Class: r('u'),
      Appearance: r('q'),
      Icon: r('s'),
      Paired: r('b'),
      Bonded: r('b'),
      Trusted: rw('b'),
      Blocked: rw('b'),
      LegacyPairing: r('b'),
      RSSI: r('n'),
      Connected: r('b'),
      UUIDs: r('as'),
      Modalias: r('s'),
      Adapter: r('o'),
      ManufacturerData: r('a{qv}'),
      ServiceData: r('a{sv}'),
      TxPower: r('n'),
      ServicesResolved: r('b'),
      WakeAllowed: rw('b'),
    },
  },
  [BATTERY]: { methods: {}, properties: { Percentage: r('y'), Source: r('s') } },
  [SERVICE]: {
    methods: {},
    properties: { UUID: r('s'), Device: r('o'), Primary: r('b'), Includes: r('ao') },
  },
  [CHARACTERISTIC]: {
    methods: {
      ReadValue: ['a{sv}', 'ay'],
      WriteValue: ['aya{sv}', ''],
      AcquireWrite: ['a{sv}', 'hq'],
      AcquireNotify: ['a{sv}', 'hq'],
      StartNotify: ['', ''],
      StopNotify: ['', ''],
    },
    properties: {
      UUID: r('s'),
      Service: r('o'),
      Value: r('ay'),
      Notifying: r('b'),
      Flags: r('as'),
      WriteAcquired: r('b'),
      NotifyAcquired: r('b'),
      MTU: r('q'),
    },
  },
  [DESCRIPTOR]: {
    methods: { ReadValue: ['a{sv}', 'ay'], WriteValue: ['aya{sv}', ''] },
    properties: { UUID: r('s'), Characteristic: r('o'), Value: r('ay') },
  },
};
