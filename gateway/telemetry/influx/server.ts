import { readFileSync } from 'node:fs';
import { escape as escaping } from 'influx';

/** Retention policies: what is written comes to the first, its sums of five minutes to the second. */
export const RAW = 'raw';
export const LONG = 'long';

/** What of the configuration's `influx` finds a server. */
export interface InfluxServer {
  url: string;
  database: string;
  userName?: string | undefined;
  passwordFile?: string | undefined;
  ca?: string | undefined;
}

/** @throws with a sentence that names the file, never what is in it. */
export function readPassword(file: string): string {
  return readNamed(file).toString('utf8').trim();
}

/** @throws with a sentence that names the file. */
export function readNamed(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** A name as InfluxQL has it, in double quotes. */
export const quoted = (name: string): string => escaping.quoted(name);

/** What is the gateway's own in a database of many shops; its tags go beside the text, as bound parameters. */
export const OWN_SERIES = '"store" = $store AND "gateway" = $gateway';
