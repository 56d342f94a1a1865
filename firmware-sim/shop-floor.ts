import { randomBytes } from 'node:crypto';
import { type Floor, openFloor } from './shop-floor/floor.ts';
import { later } from './shop-floor/later.ts';
import type { FromFloor, ToFloor } from './shop-floor/messages.ts';

/**
 * The shop floor of the demo, a process of its own: shoppers who walk, what they carry, the air, the
 * shop's shelves, buttons and thermostats. It meets the gateway over MQTT, and its receivers over HCI;
 * its parent over their channel.
 */

const tell = (message: FromFloor): void => void process.send?.(message);
const secrets = later<string>();
let floor: Promise<Floor> | undefined;

process.on('message', (message: ToFloor) => {
  switch (message.kind) {
    case 'open':
      floor = openFloor({
        opening: message,
        secretOf: secrets.get,
        tell,
        boot: () => randomBytes(4).toString('hex'),
        unixMs: Date.now,
        now: () => performance.now(),
      });
      floor.then(() => tell({ kind: 'ready' }), fail);
      return;
    case 'secret':
      secrets.put(message.device, message.secret);
      return;
    case 'who':
      floor?.then((open) => tell({ kind: 'that', ...open.who() }), fail);
      return;
    case 'close':
      floor?.then((open) => open.close()).then(() => tell({ kind: 'closed' }), fail);
  }
});

function fail(error: Error): void {
  process.stderr.write(`shop-floor: ${error.message}\n`);
  process.exit(1);
}
