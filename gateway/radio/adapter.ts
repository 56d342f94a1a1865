/** Where the Bluetooth controller is: the kernel's adapter `hci<index>`, or one behind TCP. */
export type Adapter = { kind: 'local'; index: number } | { kind: 'tcp'; host: string; port: number };

/** Reads `inputs.radio.adapter`: `hci0`, `tcp:127.0.0.1:9000`, `tcp:[::1]:9000`. Throws with what is expected. */
export function readAdapter(text: string): Adapter {
  const local = /^hci(0|[1-9]\d{0,2})$/.exec(text);
  if (local) return { kind: 'local', index: Number(local[1]) };
  const tcp = /^tcp:(?:\[([0-9a-fA-F:.]+)\]|([^[\]:\s]+)):(\d{1,5})$/.exec(text);
  const host = tcp?.[1] ?? tcp?.[2];
  const port = Number(tcp?.[3]);
  if (host && port >= 1 && port <= 65_535) return { kind: 'tcp', host, port };
  throw new Error(
    `inputs.radio.adapter: ${JSON.stringify(text)} is neither hci0, hci1 … nor tcp:<host>:<port> of a controller`,
  );
}

/** An adapter's address as BlueZ writes it, upper case with colons; nothing where the text is none. */
export function adapterAddress(text: string): string | undefined {
  return /^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/.test(text) ? text.toUpperCase() : undefined;
}

export function adapterName(adapter: Adapter): string {
  if (adapter.kind === 'local') return `hci${adapter.index}`;
  return adapter.host.includes(':') ? `[${adapter.host}]:${adapter.port}` : `${adapter.host}:${adapter.port}`;
}
