import { type Config, parseConfig } from '../../../gateway/config.ts';

const JWK = '{kty: OKP, crv: Ed25519, kid: issuer-1, x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}';

/** A shop as a data protection officer would look at it; `lines` of YAML come on top. */
export function shopWith(mode: string, lines = '', notice = true): Config {
  const about = notice ? ', notice: {id: n1, version: "3", languages: [fr, en]}' : '';
  return parseConfig(
    `store: {id: lyon-1, gateway: g1, timezone: Europe/Paris${about}}
mode: ${mode}
map:
  zones:
    - {id: entrance, name: Entrance, kind: entrance, polygon: [[0, 0], [6, 0], [6, 4]]}
    - {id: shoes, name: Shoes, polygon: [[6, 0], [14, 0], [14, 8]]}
    - {id: pharmacy, name: Pharmacy, sensitive: true, polygon: [[0, 4], [6, 4], [6, 8]]}
  receivers: [{id: ceiling-1, position: [4, 3, 2.8]}]
devices:
  - {id: app, kind: shopper-app}
  - {id: ceiling-1, kind: receiver}
  - {id: button-1, kind: smart-button, zone: shoes}
data: /tmp/none
consents: {issuerKeys: [${JWK}]}
inputs: {mqtt: {listen: "127.0.0.1:1883"}}
${lines}`,
    'shop.yaml',
  );
}

/** Everything on: recognition, an uplink of each kind, a dashboard. */
export const busyShop = () =>
  shopWith(
    'identify',
    `uplinks: [{kind: http, url: "https://someone:secret@profiles.example/aisle"}, {kind: mqtt, url: "mqtts://broker.example"}]
dashboard: {listen: "127.0.0.1:8080"}
retention: {personalHours: 48}`,
  );
