import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two cores: more files at once only make real servers and fsyncs slower.
    maxWorkers: 2,
    reporters: ['default', './test/support/closing-line.ts'],
  },
});
