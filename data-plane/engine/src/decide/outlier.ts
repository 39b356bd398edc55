/** When an endpoint that fails live traffic is ejected, and for how long. */
export interface OutlierPolicy {
  /** Failures in a row that eject; 1 to MAX_OUTLIER_FAILURES. */
  readonly consecutiveFailures: number;
  /** How long the first ejection lasts; the next ones as often as long, up to MAX_EJECTION_FACTOR times. */
  readonly baseEjectionMs: number;
  /** The largest share of a service's endpoints that is ejected at once, rounded down. */
  readonly maxEjectedPercent: number;
}

/** The largest `consecutiveFailures` the word can count. */
export const MAX_OUTLIER_FAILURES = 1000;
/** An ejection lasts at most this times the first. */
export const MAX_EJECTION_FACTOR = 10;

/**
 * What is known of an endpoint's live traffic as one Int32: bits 0-9 failures in a row, bits 10-15 how many ejections in a row there
 * were. Zero is an endpoint that never failed.
 */
export function outlierFailures(word: number): number {
  return word & 0x3ff;
}

export function outlierEjections(word: number): number {
  return (word >>> 10) & 0x3f;
}

/** The word after a failure that does not eject. */
export function withOneFailure(word: number): number {
  return (word & ~0x3ff) | Math.min(outlierFailures(word) + 1, 0x3ff);
}

/** The word after a success: it was not the endpoint. */
export function withoutFailures(word: number): number {
  return word & ~0x3ff;
}

/** The word of an endpoint that is ejected for the `ejections`th time in a row. */
export function ejectedWord(ejections: number): number {
  return ejections << 10;
}

/** Whether one more failure ejects. */
export function ejectsNext(word: number, policy: OutlierPolicy): boolean {
  return outlierFailures(word) + 1 >= policy.consecutiveFailures;
}

/**
 * Which ejection in a row the next one is, 1 being the first. Each base time that an endpoint spent in service since it returned makes
 * one of those before forgotten.
 * @param inServiceMs since it returned
 */
export function nextEjection(word: number, inServiceMs: number, policy: OutlierPolicy): number {
  const forgotten = Math.floor(inServiceMs / policy.baseEjectionMs);
  return Math.min(Math.max(0, outlierEjections(word) - forgotten) + 1, MAX_EJECTION_FACTOR);
}

/** How long the `ejection`th ejection in a row lasts. */
export function ejectionMs(ejection: number, policy: OutlierPolicy): number {
  return ejection * policy.baseEjectionMs;
}

/** How many of `all` endpoints may be ejected at once. */
export function mostEjected(all: number, policy: OutlierPolicy): number {
  return Math.floor((all * policy.maxEjectedPercent) / 100);
}
