/** How the process stood at one time. */
export type Sample = {
  readonly atMs: number;
  readonly heapMb: number;
  readonly rssMb: number;
  readonly fds: number;
  readonly timers: number;
};

export type Outcome = {
  readonly answers: number;
  /** What was wrong with answers, or missing. */
  readonly wrong: readonly string[];
  readonly samples: readonly Sample[];
  /** After the last request: what is then still open or counted. */
  readonly left: Readonly<Record<string, number>>;
  /** Workers that were replaced because their event loop stood still or a change took them too long. */
  readonly lateWorkers: number;
};

/** A leak this large is found in an hour; the rest is what a heap differs by from one collection to the next. */
const HEAP_MB_PER_HOUR = 1;
const NOISE = { heapMb: 1.5, fds: 16, timers: 24 } as const;
/** In a run of minutes caches still fill and code is still compiled. */
const SHORT_RUN_MS = 10 * 60_000;
const SHORT_RUN_HEAP_MB = 12;

/** What speaks against the run; empty: it passed. */
export function judge({ answers, wrong, samples, left, lateWorkers }: Outcome): string[] {
  const against = wrong.length === 0 ? [] : [`${wrong.length} wrong answers, the first: ${wrong[0]}`];
  // A minute on a machine with other work is not held against them: there the node did what it is to do.
  if (lateWorkers > 0 && !isShort(samples)) against.push(`workers replaced for being late: ${lateWorkers}`);
  if (answers === 0) against.push('no request was answered');
  // The first third is warming up.
  const warm = samples.slice(Math.floor(samples.length / 3));
  if (warm.length < 3) return [...against, `only ${warm.length} samples after warming up`];
  const early = warm.slice(0, Math.floor(warm.length / 2));
  const late = warm.slice(-Math.floor(warm.length / 2));
  const growth = (of: (sample: Sample) => number): number => median(late.map(of)) - median(early.map(of));
  const spanMs = median(late.map(({ atMs }) => atMs)) - median(early.map(({ atMs }) => atMs));
  const heapMb = (spanMs / 3_600_000) * HEAP_MB_PER_HOUR + (isShort(samples) ? SHORT_RUN_HEAP_MB : NOISE.heapMb);
  const bounds = [
    ['heap after collection, MB', growth((sample) => sample.heapMb), heapMb],
    ['open files', growth((sample) => sample.fds), NOISE.fds],
    ['timers', growth((sample) => sample.timers), NOISE.timers],
  ] as const;
  for (const [what, grew, most] of bounds) {
    if (grew > most) against.push(`${what}: grew by ${grew.toFixed(1)}, at most ${most.toFixed(1)} is noise`);
  }
  for (const [what, count] of Object.entries(left)) if (count > 0) against.push(`at the end ${what}: ${count}`);
  return against;
}

function isShort(samples: readonly Sample[]): boolean {
  return (samples.at(-1)?.atMs ?? 0) < SHORT_RUN_MS;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
