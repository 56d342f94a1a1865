import type { CharacteristicId, FoundCharacteristic } from '../../../devices/gatt/profile.ts';

/** One thermostat as the radio reaches it, whatever library stands behind. */
export interface GattPeer {
  /**
   * Makes the link and finds what is there. Settles within `deadlineMs`, or some seconds later where an attempt that
   * failed has to be taken back; where it rejects, nothing of it is left. To be called once at a time, and not
   * before the link made last is over.
   */
  connect(deadlineMs: number): Promise<GattLink>;
  /** Gives back what the peer holds, its link too. Never rejects. */
  close(): Promise<void>;
}

/** One link, from connect to its end; after that every call of it rejects. */
export interface GattLink {
  characteristics: readonly FoundCharacteristic[];
  read(from: CharacteristicId): Promise<Uint8Array>;
  /** Resolves when the peer's radio has confirmed it, where it can be confirmed. */
  write(to: CharacteristicId, bytes: Uint8Array): Promise<void>;
  /** Each value that is notified from now on; one that comes before the answer to this call is heard too. */
  subscribe(to: CharacteristicId, onValue: (bytes: Uint8Array) => void): Promise<void>;
  /** Called once, when the link is lost by anything but `close`; at once where it is lost already. */
  onDrop(dropped: (why: Error) => void): void;
  /** Ends the link; resolves when it is gone, or given up. Never rejects. */
  close(): Promise<void>;
}
