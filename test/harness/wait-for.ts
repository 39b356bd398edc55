import { performance } from 'node:perf_hooks';

/**
 * Polls until `predicate` gives something truthy and returns it; an exception counts as "not yet".
 * Throws "not within N ms: what" with the last exception as its cause. The default deadline is 60 s: a loaded machine may stop a process for seconds.
 */
export async function waitFor<T>(
  what: string,
  predicate: () => T | Promise<T>,
  { deadlineMs = 60_000, everyMs = 10 }: { readonly deadlineMs?: number; readonly everyMs?: number } = {},
): Promise<Exclude<T, false | 0 | '' | null | undefined>> {
  const endsAt = performance.now() + deadlineMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await predicate();
      if (value) return value as Exclude<T, false | 0 | '' | null | undefined>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= endsAt) throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Rejects with "not within N ms: what" when `promise` does not settle in time. */
export async function within<T>(what: string, promise: Promise<T>, deadlineMs = 60_000): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not within ${deadlineMs} ms: ${what}`)), deadlineMs);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
