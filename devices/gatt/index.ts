/** By `model` of a device of kind `thermostat-gatt`. */
export const gattProfiles: ReadonlyMap<string, { model: string }> = new Map(
  ['eq-3', 'environmental-sensing'].map((model) => [model, { model }]),
);
