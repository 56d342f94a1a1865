import { expect, it } from 'vitest';
import { hciController } from '../../../../firmware-sim/hci-controller.ts';
import { h4Socket } from '../../../../gateway/radio/noble/h4-socket.ts';
import { loadNoble } from '../../../../gateway/radio/noble/load-noble.ts';
import { scanControl } from '../../../../gateway/radio/noble/scan-control.ts';
import { until } from '../../../support/until.ts';

/** LE Set Scan Enable with 0, as a local adapter's socket shows what another program sent. */
const SOMEBODY_STOPS_SCANNING = Buffer.from('010c20020000', 'hex');

it('scanning is started again after another program stopped it', async ({ onTestFinished }) => {
  const controller = await hciController({});
  onTestFinished(() => controller.close());
  const listeners = process.listeners('SIGINT');
  const exits = process.listeners('exit');
  const socket = h4Socket({ host: '127.0.0.1', port: controller.port, onLink() {} });
  const noble = loadNoble({ socket });
  const hci = noble._bindings._hci;
  const scan = scanControl(noble, () => {});
  noble._bindings.on('stateChange', (state) => {
    if (state === 'poweredOn') scan.begin();
  });
  void noble.state;
  onTestFinished(() => {
    scan.end();
    hci.pollIsDevUp = () => {};
    socket.stop();
    for (const added of process.listeners('SIGINT'))
      if (!listeners.includes(added)) process.off('SIGINT', added);
    for (const added of process.listeners('exit')) if (!exits.includes(added)) process.off('exit', added);
  });

  await until(controller.isScanning, 'noble to scan');
  const before = controller.commands().length;
  socket.emit('data', SOMEBODY_STOPS_SCANNING);
  await until(() => controller.commands().length >= before + 3, 'the scan to be started again');
  expect(controller.commands().slice(before)).toEqual([0x200c, 0x200b, 0x200c]);
});
