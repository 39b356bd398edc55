/** How soon a revoked key is refused: a short form of the bench's, with wide margins for machines that do other things too. */
import { expect, test } from 'vitest';
import { connectAdmin } from '../harness/admin.ts';
import { startControlPlane } from '../harness/control-plane.ts';
import { startNode } from '../harness/node.ts';
import { measureRevocations, REVOCATIONS } from '../harness/revocations.ts';

test('keys in use are refused on every node soon after the answer to their revocation', async () => {
  await using stack = new AsyncDisposableStack();
  const controlPlane = stack.use(await startControlPlane());
  using admin = connectAdmin(controlPlane);
  await admin.apply(REVOCATIONS);
  const ids = Array.from({ length: 10 }, (_, i) => `n${i}`);
  const start = (id: string) => startNode({ controlPlane: controlPlane.url, id, workers: 1 });
  const nodes = (await Promise.all(ids.map(start))).map((node) => stack.use(node));
  const lateMs = await measureRevocations(
    admin,
    nodes.map(({ port }) => port),
    4,
  );
  expect(lateMs).toHaveLength(40);
  const sorted = lateMs.toSorted((a, b) => a - b);
  // Ten times what is promised.
  expect(sorted[20]).toBeLessThan(1_000);
  expect(sorted[39]).toBeLessThan(5_000);
});
