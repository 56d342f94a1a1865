import { generate } from 'selfsigned';

export interface Certificate {
  cert: string;
  key: string;
}

const DAY = 86_400_000;

/** An authority of its own, made for one test. */
export async function authority(): Promise<Certificate> {
  const pem = await generate([{ name: 'commonName', value: 'authority of a test' }], {
    algorithm: 'sha256',
    keyType: 'ec',
    notBeforeDate: new Date(Date.now() - 100 * DAY),
    notAfterDate: new Date(Date.now() + 1_000 * DAY),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert: pem.cert, key: pem.private };
}

/** A server's, signed by `ca`, good in days from now `from` to `to`, for 127.0.0.1 or another host. */
export async function certificate(
  ca: Certificate,
  { from = -1, to = 30, host }: { from?: number; to?: number; host?: string } = {},
): Promise<Certificate> {
  const altNames = host ? [{ type: 2 as const, value: host }] : [{ type: 7 as const, ip: '127.0.0.1' }];
  const pem = await generate([{ name: 'commonName', value: host ?? 'server of a test' }], {
    algorithm: 'sha256',
    keyType: 'ec',
    notBeforeDate: new Date(Date.now() + from * DAY),
    notAfterDate: new Date(Date.now() + to * DAY),
    ca: { key: ca.key, cert: ca.cert },
    extensions: [{ name: 'subjectAltName', altNames }],
  });
  return { cert: pem.cert, key: pem.private };
}
