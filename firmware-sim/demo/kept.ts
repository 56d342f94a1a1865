import { existsSync } from 'node:fs';
import type { Folder } from './folder.ts';
import { type Finding, filesBelow, searchFiles } from './privacy-search.ts';

/** Where nothing of a stranger may stand: all that the gateway's side, the profile store and InfluxDB have on disk. */
export function keptIn(folder: Folder): string[] {
  return [folder.data, folder.logs, folder.profileStore, folder.timeSeries].filter(existsSync);
}

/** Looks there for `identifiers`, hex. */
export function searchKept(folder: Folder, identifiers: Iterable<string>): Finding[] {
  return searchFiles(filesBelow(keptIn(folder)), identifiers);
}
