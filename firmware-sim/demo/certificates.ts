import { generate } from 'selfsigned';

export interface BrokerCertificates {
  /** PEM of the authority, for those who connect. */
  ca: string;
  cert: string;
  key: string;
}

/** A new authority and a certificate of 127.0.0.1 that it signed, good for this day's demo. */
export async function brokerCertificates(): Promise<BrokerCertificates> {
  const curve = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;
  const authority = await generate([{ name: 'commonName', value: 'Aisle demo authority' }], {
    ...curve,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const broker = await generate([{ name: 'commonName', value: 'aisle' }], {
    ...curve,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  return { ca: authority.cert, cert: broker.cert, key: broker.private };
}
