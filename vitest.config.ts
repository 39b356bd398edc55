import { defineConfig } from 'vitest/config';

/** `unit` tests stand beside the code they test; `system` tests start real processes and run one file at a time. */
export default defineConfig({
  test: {
    // Ends what hangs. No test proves a duration by it: a machine with other work is slow, and nothing is wrong with that.
    expect: { poll: { timeout: 30_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{proto,data-plane,control-plane,cli}/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          setupFiles: ['test/harness/print-on-failure.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
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
