import { randomBytes } from 'node:crypto';
import { type Adapter, adapterName, readAdapter } from './adapter.ts';
import type { Radio } from './driver.ts';
import type { GatewayAddress } from './gateway-address.ts';
import { gatewayLink } from './gateway-link.ts';
import { openNoble } from './noble.ts';
import type { RadioLog, RadioState } from './radio-state.ts';
import { type Receiver, startReceiver } from './receiver.ts';

export type { RadioLog } from './radio-state.ts';

/** `inputs.radio` of `aisle.yaml`. */
export interface RadioConfig {
  driver: 'noble' | 'bluez';
  /** `hci0`, `hci1` …, or `tcp:<host>:<port>` of a controller that speaks HCI with H4 framing. */
  adapter: string;
  /** This receiver's id among the devices. */
  receiver: string;
  gateway: GatewayAddress;
}

/** A radio that failed or is off is opened anew this often: adapters are unplugged, and plugged in again. */
const REOPEN_MS = 30_000;
/** A silent one later: the driver restarts the scan and resets the controller first. */
const REOPEN_SILENT_MS = 300_000;
const DEVICE_ID = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Runs this machine's Bluetooth adapter as a receiver until `close`: hears by the driver, passes on by MQTT.
 * Throws where the configuration cannot work; an adapter that does not work, or a gateway that is away, is
 * logged in a sentence and tried again. Only `online` and `offline` are told to the gateway.
 */
export async function runRadio(config: RadioConfig, log: RadioLog): Promise<{ close(): Promise<void> }> {
  if (config.driver === 'bluez') {
    throw new Error('inputs.radio.driver: bluez is not built yet; use noble');
  }
  if (!DEVICE_ID.test(config.receiver)) {
    throw new Error(
      `inputs.radio.receiver: ${JSON.stringify(config.receiver)} is no device id ([A-Za-z0-9_-]{1,64})`,
    );
  }
  if (!/^mqtts?:\/\//.test(config.gateway.url)) {
    throw new Error('inputs.radio.gateway.url: begins with mqtts:// (or with mqtt://, on this machine)');
  }
  const adapter = readAdapter(config.adapter);
  const receiver = startReceiver({
    link: (events) => gatewayLink(config.receiver, config.gateway, events, { log, random: Math.random }),
    log,
    now: () => performance.now(),
    randomBytes,
  });
  const radio = keepOpen(adapter, receiver, log);
  return {
    async close() {
      radio.close();
      await receiver.close();
    },
  };
}

function keepOpen(adapter: Adapter, receiver: Receiver, log: RadioLog): Radio {
  let radio: Radio | undefined;
  let reopen: NodeJS.Timeout | undefined;
  let closed = false;
  let said: string | undefined;

  const onState = (state: RadioState): void => {
    clearTimeout(reopen);
    // Says nothing yet of whether the radio works, and trying again is not worth a line.
    if (state.kind === 'starting') return;
    const works = state.kind === 'scanning' || state.kind === 'silent';
    receiver.radioWorks(works);
    if (state.kind !== 'scanning') reopen = setTimeout(open, works ? REOPEN_SILENT_MS : REOPEN_MS);
    const text = inWords(state, adapterName(adapter));
    if (text !== said) (state.kind === 'scanning' ? log.info : log.warn).call(log, text);
    said = text;
  };
  const open = (): void => {
    radio?.close();
    if (closed) return;
    radio = openNoble({
      adapter,
      onAdvertisement: (report, at) => receiver.heard(report, at),
      onState,
      log,
      now: () => performance.now(),
    });
  };
  open();
  return {
    close() {
      closed = true;
      clearTimeout(reopen);
      radio?.close();
    },
  };
}

function inWords(state: Exclude<RadioState, { kind: 'starting' }>, name: string): string {
  switch (state.kind) {
    case 'off':
      return `${name} is powered off: \`bluetoothctl power on\`, or \`rfkill unblock bluetooth\``;
    case 'scanning':
      return `${name} hears advertisements`;
    case 'silent':
      return `${name} scans and hears nothing; the process may lack CAP_NET_RAW, or the adapter hangs (it is being restarted)`;
    case 'failed':
      return state.why;
  }
}
