/** A control plane that is killed anywhere on a change's way loses nothing, repeats nothing, and no node serves a mixture. */
import { openStore, type Store } from '@sluice/control-plane';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkActivations, readActivations } from '../harness/activations.ts';
import { connectAdmin, readManifests } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { isMissing } from '../harness/is-missing.ts';
import { startLoad } from '../harness/load.ts';
import { type Node, startNode } from '../harness/node.ts';
import { numberedConfig, readNumber } from '../harness/numbered-config.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { createSharedDatabase, findPostgres } from '../harness/postgres.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { waitFor, within } from '../harness/wait-for.ts';

const phases = ['commit', 'answer', 'push', 'ack'] as const;
type Phase = (typeof phases)[number];

describe.skipIf(isMissing('PostgreSQL', findPostgres() === undefined))(
  'a control plane killed in the middle of a push',
  () => {
    const stack = new AsyncDisposableStack();
    const env: Record<string, string> = {};
    let database: string;
    let store: Store;
    let controlPlane: ControlPlane;
    let node: Node;
    let origins: [Origin, Origin];

    const config = (n: number) => numberedConfig(n, [origins[0].address, origins[1].address]);
    /** One try of change `n`; the revision of the answer, or undefined where there was none. */
    const write = async (n: number): Promise<number | undefined> => {
      using admin = connectAdmin(controlPlane);
      const request = { resources: readManifests(config(n)), idempotencyKey: `change-${n}` };
      return await admin.config.apply(request, { timeoutMs: 10_000 }).then(
        ({ revision }) => Number(revision),
        () => undefined,
      );
    };
    const active = async () => {
      const { revision, controlPlane: link } = JSON.parse((await node.admin('/__ready')).body);
      return { revision: revision as number, connected: link === 'connected' };
    };
    const restart = async (faults: string) => {
      env.SLUICE_FAULTS = faults;
      await controlPlane.start();
      await waitFor('the node is back', async () => (await active()).connected);
    };

    beforeAll(async () => {
      database = (await createSharedDatabase())!;
      const dir = stack.use(await makeTempDir('store'));
      store = await openStore({ database, dataDir: dir.path });
      stack.defer(() => store.close());
      const origin = async (index: number) =>
        stack.use(await startOrigin(() => ({ headers: { 'x-origin': String(index) }, body: '{}' })));
      origins = [await origin(0), await origin(1)];
      controlPlane = stack.use(await startControlPlane({ database, env }));
      expect(await write(0)).toBe(1);
      node = stack.use(
        await startNode({ controlPlane: controlPlane.url, env: { SLUICE_FAULTS: 'crash-header=x-crash' } }),
      );
      await controlPlane.kill();
    });

    afterAll(() => stack.disposeAsync());

    test('at every phase: what was acknowledged is there, a retry makes one change, the node serves whole revisions throughout', async () => {
      await using load = startLoad({
        port: node.port,
        connections: 4,
        rate: 200,
        request: (n) => ({ target: '/r', ...(n === 500 && { headers: { 'x-crash': '1' } }) }),
        check: (response) => {
          const number = readNumber(response);
          return typeof number === 'string' ? number : undefined;
        },
      });
      const hit: Phase[] = [];
      const expectOnce = async (n: number) => {
        expect(await write(n)).toBe(n + 1);
        expect((await store.head()).config).toBe(n + 1);
        await waitFor('the change is active', async () => (await active()).revision === n + 1);
      };
      for (const [index, phase] of [...phases, ...phases].entries()) {
        // What the retry of the change before does on its way counts, unless the node had that already.
        const isPushed = phases[(index + 3) % 4] !== 'ack' && index > 0;
        await restart(`kill-in=${phase}:${isPushed || phase === 'commit' || phase === 'answer' ? 2 : 1}`);
        await expectOnce(index);
        const answer = await write(index + 1);
        expect((await within('the control plane dies', controlPlane.process().exited)).signal).toBe('SIGKILL');
        const stored = (await store.head()).config;
        const { revision } = await active();
        hit.push(
          findPhase({ answered: answer !== undefined, stored: stored > index + 1, active: revision > index + 1 }),
        );
        if (answer !== undefined) expect(stored).toBe(answer);
      }
      await restart('');
      await expectOnce(2 * phases.length);
      await controlPlane.kill();
      process.stdout.write(`killed in: ${hit.join(' ')}\n`);
      expect(hit).toEqual([...phases, ...phases]);

      const report = await load.stop();
      expect(report.failures.filter(({ response }) => response !== undefined)).toEqual([]);
      // The connections of the worker that was crashed on the way.
      expect(report.failed).toBeLessThanOrEqual(4);
      const output = node.process().output();
      expect(await checkActivations(database, [output])).toEqual([]);
      const later = readActivations(output).filter(({ track, revision }) => track === 'config' && revision > 1);
      expect(later.map(({ by }) => by)).toEqual(later.map(() => 'delta'));
      expect(later.map(({ revision }) => revision)).toEqual(hit.map((_, index) => index + 2));
    });

    test('after each part of a snapshot: the node is not ready before it has the whole', async () => {
      const large = Array.from({ length: 2000 }, (_, index) => {
        const endpoints = Array.from({ length: 16 }, (__, at) => `{ address: "127.0.${at}.1:${10_000 + index}" }`);
        return `kind: Service\nname: large-${index}\nspec: { endpoints: [${endpoints.join(', ')}] }\n`;
      });
      await restart('');
      using admin = connectAdmin(controlPlane);
      await admin.apply(large.join('---\n'));
      await controlPlane.kill();
      await using fresh = await startNode({ controlPlane: controlPlane.url, id: 'fresh', wait: 'alive' });
      let parts = 0;
      for (;;) {
        expect(await fresh.isReady()).toBe(false);
        await waitFor('requests are refused', async () => (await fetch(`${fresh.url}/r`)).status === 503);
        env.SLUICE_FAULTS = `kill-in=push:${parts + 1}`;
        await controlPlane.start();
        const ready = fresh.waitUntilReady(20_000).then(() => 'ready');
        const outcome = await Promise.race([ready, controlPlane.process().exited.then(() => 'killed')]);
        if (outcome === 'ready') break;
        ready.catch(() => undefined);
        parts++;
      }
      process.stdout.write(`killed before each of ${parts} parts\n`);
      expect(parts).toBeGreaterThanOrEqual(3);
      expect(await checkActivations(database, [fresh.process().output()])).toEqual([]);
    });
  },
);

/** Where the control plane was, by what others saw of it. */
function findPhase(seen: { answered: boolean; stored: boolean; active: boolean }): Phase {
  if (!seen.stored) return 'commit';
  if (!seen.answered) return 'answer';
  return seen.active ? 'ack' : 'push';
}
