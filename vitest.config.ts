import { defineConfig } from 'vitest/config';

/** `unit` tests stand beside the code they test; `system` tests start real processes and run one file at a time. */
export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['{proto,data-plane,control-plane,cli}/**/*.test.ts'], testTimeout: 20_000 },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          setupFiles: ['test/harness/print-on-failure.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          pool: 'forks',
          fileParallelism: false,
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['**/src/**/*.ts'],
      exclude: ['**/gen/**'],
      reporter: ['text-summary', 'lcov'],
    },
  },
});
