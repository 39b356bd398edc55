import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../fuzz/random.ts';
import type { Admin } from '../harness/admin.ts';
import type { Link } from '../harness/link.ts';
import type { Node } from '../harness/node.ts';
import { waitFor } from '../harness/wait-for.ts';

export type OperationsOptions = {
  readonly admin: Admin;
  readonly node: Node;
  /** Between the node and its control plane. */
  readonly link: Link;
  readonly random: Random;
  /** The configuration in its n-th state. */
  readonly manifest: (state: number) => string;
  /** Workers may still be replaced: it is not yet looked whether anything grows. */
  readonly warmingUp: () => boolean;
};

export type Operations = {
  /** The newest state that is surely active, and the newest that may be. */
  active: number;
  begun: number;
  /** Workers replaced on purpose. */
  replaced: number;
  readonly counts: Record<string, number>;
};

const RECONNECTED_WITHIN_MS = 60_000;

/** Changes the configuration and does harm to the node, at random, one after the other, until told to stop. */
export async function runOperations(
  options: OperationsOptions,
  state: Operations,
  stopped: () => boolean,
): Promise<void> {
  const { admin, node, link, random, manifest, warmingUp } = options;
  const operations: Readonly<Record<string, () => Promise<void>>> = {
    async change() {
      state.begun++;
      await admin.applyActive(manifest(state.begun));
      state.active = state.begun;
    },
    async 'control plane cut off'() {
      await link.cut();
      await pause(500 + random.int(1_500));
      await link.heal();
    },
    async 'control plane silent'() {
      link.blackHole();
      await pause(500 + random.int(1_500));
      await link.heal();
    },
    async 'node stopped'() {
      node.pause();
      await pause(200 + random.int(800));
      node.resume();
    },
    async 'workers replaced'() {
      if (!warmingUp()) return;
      // One that is found stuck meanwhile ends otherwise.
      const ended = (): number =>
        node
          .process()
          .output()
          .match(/worker has left|worker stalled/g)?.length ?? 0;
      const before = ended();
      node.process().signal('SIGUSR2');
      await waitFor('both workers have ended', () => ended() >= before + 2, { deadlineMs: 120_000 });
      state.replaced += 2;
    },
  };
  const names = [...Array.from({ length: 4 }, () => 'change'), ...Object.keys(operations)];
  while (!stopped()) {
    const name = random.pick(names);
    await operations[name]!();
    state.counts[name] = (state.counts[name] ?? 0) + 1;
    // A node that is not connected is not waited for by a change.
    await waitFor(
      'the node follows its control plane',
      async () => JSON.parse((await node.admin('/__ready')).body).controlPlane === 'connected',
      { deadlineMs: RECONNECTED_WITHIN_MS, everyMs: 100 },
    );
    await pause(500 + random.int(1_000));
  }
}
