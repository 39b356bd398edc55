/** When requests are due that arrive independently of one another at a mean rate: a Poisson process, the same for a seed. */
export function* makeArrivals(perSecond: number, seed: number): Generator<number, never> {
  const random = makeRandom(seed);
  const meanMs = 1000 / perSecond;
  for (let dueMs = 0; ; ) {
    dueMs += -Math.log(1 - random()) * meanMs;
    yield dueMs;
  }
}

/** Numbers from 0 up to 1 (mulberry32). */
function makeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
