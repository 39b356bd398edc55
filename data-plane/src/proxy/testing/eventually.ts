const DEADLINE_MS = 30_000;

/** Looks until something holds; throws where it does not in time. */
export async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const late = performance.now() + DEADLINE_MS;
  while (!(await holds())) {
    if (performance.now() > late) throw new Error(`${what}: not in time`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Waits until a number has not changed for a while, and gives it. */
export async function settled(read: () => number): Promise<number> {
  let before = Number.NaN;
  for (let now = read(); now !== before; now = read()) {
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return before;
}
