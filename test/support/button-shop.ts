/** The beacon that stands in the zone `shoes` of `buttonShop`. */
export const BEACON = { uuid: 'f7826da6-4fa2-4e98-8024-bc5b71e0893e', major: 1, minor: 7 };

/**
 * The smallest shop where something can be lost: an app that reports one beacon, and buttons. `yaml` is what
 * of `aisle.yaml` it has beside that: lines of devices first.
 */
export function buttonShop(buttons: readonly string[], yaml = ''): string {
  const { uuid, major, minor } = BEACON;
  return `
store: {id: s1, gateway: g1, timezone: Europe/Paris, notice: {id: n1, version: "1", languages: [fr]}}
mode: identify
map:
  zones: [{id: shoes, polygon: [[0, 0], [5, 0], [5, 5], [0, 5]]}]
  beacons: [{id: b7, uuid: ${uuid}, major: ${major}, minor: ${minor}, zone: shoes}]
devices:
  - {id: app, kind: shopper-app}
${devices(buttons)}
${yaml}`;
}

/** The same without the app and its beacon, for who knows nobody. */
export function anonymousShop(buttons: readonly string[], yaml = ''): string {
  return `
store: {id: s1, gateway: g1, timezone: Europe/Paris}
mode: anonymous
map: {zones: [{id: shoes, polygon: [[0, 0], [5, 0], [5, 5], [0, 5]]}]}
devices:
${devices(buttons)}
${yaml}`;
}

const devices = (buttons: readonly string[]): string =>
  buttons.map((id) => `  - {id: ${id}, kind: smart-button, zone: shoes}`).join('\n');
