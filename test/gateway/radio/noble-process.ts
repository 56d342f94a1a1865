import { openNoble } from '../../../gateway/radio/noble.ts';

/** A process with a noble of its own and its own way of ending, for noble.test.ts. */
process.on('SIGINT', () => {
  process.stdout.write('ends by itself\n');
  radio.close();
});
const radio = openNoble({
  adapter: { kind: 'tcp', host: '127.0.0.1', port: Number(process.argv[2]) },
  onAdvertisement: () => void process.stdout.write('heard a frame\n'),
  onState() {},
  log: { info() {}, warn() {}, error() {} },
  now: () => performance.now(),
});
