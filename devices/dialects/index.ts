import type { Dialect } from './dialect.ts';
import { openMqttGateway } from './open-mqtt-gateway.ts';

/** Every way of publishing that Aisle understands beside its own; `dialect` in `aisle.yaml` names one. */
export const dialects: readonly Dialect[] = [openMqttGateway];

export const dialectByName: ReadonlyMap<string, Dialect> = new Map(
  dialects.map((dialect) => [dialect.name, dialect]),
);
