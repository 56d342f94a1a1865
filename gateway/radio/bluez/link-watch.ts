import type { BluezSignal, BusSession, Properties } from './bus.ts';
import { DEVICE } from './device.ts';

/** What bluetoothd's own signals say of a device's link: node-ble has taken its listeners off when it is lost. */
export interface LinkWatch {
  /** What was replied once the link was up; signals that were heard before it know better. */
  know(properties: Properties): void;
  isUp(): boolean;
  /** Resolves when the services are there; rejects when the link is lost before. */
  resolved: Promise<void>;
  /** Resolves when a link that was up is lost; when the device is removed, its adapter pulled for example, in any case. */
  downed: Promise<void>;
  stop(): void;
}

export function watchLink(session: BusSession, path: string): LinkWatch {
  let isUp: boolean | undefined;
  let isResolved: boolean | undefined;
  let tellResolved = () => {};
  let tellDown = () => {};
  const downed = new Promise<void>((resolve) => {
    tellDown = resolve;
  });
  const resolved = new Promise<void>((resolve, reject) => {
    tellResolved = resolve;
    void downed.then(() => reject(new Error('the link was lost before its services were known')));
  });
  // Who gave up before waits for it no more.
  resolved.catch(() => {});

  const look = ({ Connected: connected, ServicesResolved: services }: Properties) => {
    // One that says so before it was up says it of the link before.
    if (connected === false && isUp) tellDown();
    if (typeof connected === 'boolean') isUp = connected;
    if (typeof services === 'boolean') isResolved = services;
    if (isUp && isResolved) tellResolved();
  };
  const stop = session.onObject(path, (signal: BluezSignal) => {
    if (signal.path !== path) return;
    if (signal.kind === 'changed' && signal.interface === DEVICE) look(signal.changed);
    else if (signal.kind === 'removed' && signal.interfaces.includes(DEVICE)) {
      look({ Connected: false });
      tellDown();
    }
  });

  return {
    know({ Connected, ServicesResolved }) {
      look({
        ...(isUp === undefined && { Connected }),
        ...(isResolved === undefined && { ServicesResolved }),
      });
      // It was up before we asked for it, and nothing but its loss was signalled.
      if (isUp === false) tellDown();
    },
    isUp: () => isUp === true,
    resolved,
    downed,
    stop,
  };
}
