/** No name is asked for more often, whatever TTL its records have. */
const LEAST_MS = 1_000;
/** Nor less often. */
const MOST_MS = 3_600_000;
/** While there is no answer it is asked after this, then after twice this, and so on up to a minute. */
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
/** Nodes that were started together do not ask together. */
const JITTER = 0.1;

/**
 * In how long a name is asked for again: once what was answered is no longer good, but at least every `refreshMs`.
 * @param ttlMs of the last answer, where the last time there was one
 * @param failures times in a row that there was none
 * @param random 0 to 1
 */
export function nextLookupMs(
  refreshMs: number | undefined,
  ttlMs: number,
  failures: number,
  random: () => number,
): number {
  const most = (refreshMs ?? MOST_MS) * (1 - JITTER * random());
  const wanted =
    failures === 0
      ? Math.max(ttlMs, LEAST_MS) * (1 + JITTER * random())
      : Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10), MAX_RETRY_MS) * (1 + JITTER * random());
  return Math.min(wanted, most);
}
