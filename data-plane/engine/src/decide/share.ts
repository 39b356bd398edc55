/**
 * Whether a worker may take one more of something capped for the whole node: always within its own share (cap / workers, at least
 * one), beyond it while the node's total is under the cap. No worker starves, and none waits for another to answer.
 */
export function mayTake(own: number, total: number, cap: number, workers: number): boolean {
  return total < cap || own < Math.max(1, Math.floor(cap / workers));
}
