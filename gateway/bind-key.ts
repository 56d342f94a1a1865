import { readFileSync } from 'node:fs';

/**
 * The bind key of an encrypted BTHome device, 16 octets, from its `keyFile`.
 * @throws where the file cannot be read or is not 32 hex digits.
 */
export function readBindKey(file: string): Uint8Array {
  const text = readFileSync(file, 'utf8').trim();
  if (!/^[0-9a-fA-F]{32}$/.test(text)) throw new Error(`${file}: must be a bind key of 32 hex digits`);
  return Buffer.from(text, 'hex');
}
