import { defineConfig } from 'vitest/config';

/** Tests that start processes and ask what they do, not how soon: others may run beside them. */
const FUNCTIONAL = [
  'test/{architecture,conformance,fuzz,mutants,smuggling,store}/**/*.test.ts',
  'test/e2e/{explain,fields,gatewayctl*,held-resources,histories,issuer-keys,lease-store,readme*,secrets,start-errors}.test.ts',
  'test/e2e/{tokens,two-control-planes}.test.ts',
];
/**
 * Tests make a node's shared memory by the hundred. glibc takes blocks of the size of one that was freed from its heap next time, and clears
 * them, which is most of what such a test costs; asked for from the system, pages that nobody touches cost nothing.
 */
process.env.MALLOC_MMAP_THRESHOLD_ = String(1 << 20);

const ENGINE = 'data-plane/engine/**/*.test.ts';
/** Most tests of the control plane, and many others, import its store. */
const QUICKER = 'control-plane/src/resolve-drizzle.ts';
const PROCESSES = {
  setupFiles: [QUICKER, 'test/harness/print-on-failure.ts'],
  testTimeout: 240_000,
  hookTimeout: 240_000,
  pool: 'forks',
  fileParallelism: false,
} as const;

/**
 * `engine` and `unit` tests stand beside the code they test. `functional` and `system` tests start real processes and run one file at a time; those of
 * `system` crash, load and time them.
 */
export default defineConfig({
  test: {
    // Ends what hangs. No test proves a duration by it: a machine with other work is slow, and nothing is wrong with that.
    expect: { poll: { timeout: 30_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'engine',
          include: [ENGINE],
          // Pure, so one test file has nothing to fear from what another left in the process, and the modules are loaded once.
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{proto,data-plane,control-plane,cli}/**/*.test.ts'],
          exclude: [ENGINE],
          setupFiles: [QUICKER],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      { extends: true, test: { name: 'functional', include: FUNCTIONAL, ...PROCESSES } },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: FUNCTIONAL,
          ...PROCESSES,
        },
      },
    ],
    // Of the engine by its own tests: what decides is decided there. `npm run coverage`, which the check runs too.
    coverage: {
      provider: 'v8',
      include: ['data-plane/engine/src/**/*.ts'],
      exclude: ['**/testing/**', '**/testdata/**'],
      reporter: ['text-summary', 'lcov'],
      reportOnFailure: true,
      thresholds: { branches: 95 },
    },
  },
});
