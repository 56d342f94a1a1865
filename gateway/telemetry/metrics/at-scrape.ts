import { Counter, Gauge, type Registry } from 'prom-client';

/** A value with the labels that it stands under. */
export type Labelled = readonly [labels: Record<string, string>, value: number];

export interface Family {
  name: string;
  /** One sentence: what it says, and where that is not in the name the unit. */
  help: string;
  labels?: readonly string[];
  /** Read at each scrape: counts that are kept elsewhere are not kept a second time. */
  read: () => number | readonly Labelled[];
}

/** Metrics whose values are read when they are asked for. @throws where a name is taken. */
export function counters(registry: Registry, families: readonly Family[]): void {
  for (const { name, help, labels = [], read } of families) {
    new Counter({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      collect() {
        this.reset();
        for (const [at, value] of valuesOf(read())) this.inc(at, value);
      },
    });
  }
}

/** @see counters */
export function gauges(registry: Registry, families: readonly Family[]): void {
  for (const { name, help, labels = [], read } of families) {
    new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      collect() {
        this.reset();
        for (const [at, value] of valuesOf(read())) this.set(at, value);
      },
    });
  }
}

function valuesOf(read: number | readonly Labelled[]): readonly Labelled[] {
  return typeof read === 'number' ? [[{}, read]] : read;
}

/** One of several states: 1 for the one that it is in, 0 for the others, so that each is there from the start. */
export function oneOf(
  states: readonly string[],
  state: string,
  labels: Record<string, string> = {},
): Labelled[] {
  return states.map((known) => [{ ...labels, state: known }, known === state ? 1 : 0]);
}

/** What is said in words, as a label's value: `wrong credentials` is `wrong_credentials`. */
export function labelOf(words: string): string {
  return words.toLowerCase().replaceAll(' ', '_');
}
