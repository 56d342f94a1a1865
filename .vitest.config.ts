import { defineConfig } from 'vitest/config';

/** Tests that call functions with plain values and leave nothing behind: they share a process, and its modules. */
const PURE = [
  'test/devices/**/*.test.ts',
  'test/gateway/{access,downlink,outbox,pipeline,privacy,recognise}/**/*.test.ts',
];

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two cores: more files at once only make real servers and fsyncs slower.
    maxWorkers: 2,
    reporters: ['default', './test/support/closing-line.ts'],
    projects: [
      { extends: true, test: { name: 'values', include: PURE, isolate: false } },
      { extends: true, test: { name: 'servers', include: ['test/**/*.test.ts'], exclude: PURE } },
    ],
  },
});
