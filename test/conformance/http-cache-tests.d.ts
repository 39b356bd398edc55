/** What is used of the npm package http-cache-tests, which has no types. */
declare module 'http-cache-tests/client/runner.mjs' {
  import type { CacheTestResult, CacheTestSuite } from 'http-cache-tests/tests/index.mjs';
  export function runTests(
    suites: readonly CacheTestSuite[],
    fetch: (url: string, init: RequestInit) => Promise<unknown>,
    isBrowser: boolean,
    baseUrl: string,
    chunkSize?: number,
  ): Promise<void>;
  export function getResults(): Record<string, CacheTestResult>;
}

declare module 'http-cache-tests/tests/index.mjs' {
  export interface CacheTest {
    readonly id: string;
    readonly name: string;
    /** Unset: required. */
    readonly kind?: 'required' | 'optimal' | 'check';
    readonly browser_only?: boolean;
    readonly depends_on?: readonly string[];
  }
  export interface CacheTestSuite {
    readonly id: string;
    readonly tests: readonly CacheTest[];
  }
  /** Passed, or the kind of error and what it says. */
  export type CacheTestResult = true | readonly [error: string, message: string];
  const suites: CacheTestSuite[];
  // biome-ignore lint/style/noDefaultExport: this is how the package has it
  export default suites;
}

declare module 'node-fetch' {
  // biome-ignore lint/style/noDefaultExport: this is how the package has it
  export default function fetch(url: string, init: RequestInit): Promise<unknown>;
}
