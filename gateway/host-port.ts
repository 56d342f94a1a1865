/** `127.0.0.1:1883`, `[::1]:1883`: of the configuration, where its form was checked. */
export function hostAndPort(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(':');
  return { host: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(listen.slice(colon + 1)) };
}

export function isLoopback(listen: string): boolean {
  return /^(127\.|localhost:|\[::1\])/.test(listen);
}
