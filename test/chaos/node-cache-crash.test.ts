/** A node that is killed while it writes its cache starts again, alone, with one whole verified snapshot. */
import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkActivations } from '../harness/activations.ts';
import { type Admin, connectAdmin, readManifests } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { isMissing } from '../harness/is-missing.ts';
import { type Link, startLink } from '../harness/link.ts';
import { type Node, startNode } from '../harness/node.ts';
import { numberedConfig, readNumber } from '../harness/numbered-config.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { createSharedDatabase, findPostgres } from '../harness/postgres.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const phases = ['base-write', 'base-sync', 'base-rename', 'directory-sync', 'log-append', 'log-sync'] as const;
type Moment = (typeof phases)[number] | 'any';

/** How often in all; the last of each eight at any moment. */
const kills = Number(process.env.SLUICE_CACHE_KILLS ?? 50);
/** The persisted revision lags the active one by this at most. */
const lagMs = 1000;
const lanes = 3;

interface Lane {
  readonly link: Link;
  readonly node: Node;
  readonly env: Record<string, string>;
}

describe.skipIf(isMissing('PostgreSQL', findPostgres() === undefined))(
  'a node killed while it writes its cache',
  () => {
    const stack = new AsyncDisposableStack();
    let database: string;
    let controlPlane: ControlPlane;
    let admin: Admin;
    let origins: [Origin, Origin];
    let changes = 0;
    let turn: Promise<unknown> = Promise.resolve();

    /** Makes the next change: number n is revision n. */
    const change = (): Promise<unknown> => {
      const made = turn.then(() => {
        changes++;
        const resources = readManifests(numberedConfig(changes, [origins[0].address, origins[1].address]));
        return admin.config.apply({ resources });
      });
      turn = made;
      return made;
    };
    const startLane = async (index: number): Promise<Lane> => {
      const link = stack.use(await startLink(controlPlane.port));
      await link.cut();
      const env: Record<string, string> = {};
      const node = await startNode({
        controlPlane: `http://${link.address}`,
        id: `lane-${index}`,
        workers: index === 0 ? 2 : 1,
        env,
        wait: 'alive',
      });
      stack.use(node);
      expect(await node.isReady()).toBe(false);
      await node.kill();
      return { link, node, env };
    };

    beforeAll(async () => {
      database = (await createSharedDatabase())!;
      controlPlane = stack.use(await startControlPlane({ database }));
      admin = stack.use(connectAdmin(controlPlane));
      const origin = async (index: number) =>
        stack.use(await startOrigin(() => ({ headers: { 'x-origin': String(index) }, body: '{}' })));
      origins = [await origin(0), await origin(1)];
      await change();
    });

    afterAll(() => stack.disposeAsync());

    test(`${kills} times, in every phase and at any moment: it is ready without a control plane, with one revision that was active`, {
      timeout: Math.max(300_000, kills * 6000),
    }, async () => {
      const hit = new Map<Moment, number>();
      const rest = Array.from({ length: kills }, (_, index): [Moment, number] =>
        index % 8 >= phases.length ? ['any', index] : [phases[index % 8]!, index],
      );
      const outputs: string[] = [];
      const run = async (index: number) => {
        const lane = await startLane(index);
        let killed: Killed | undefined;
        for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
          const [moment, number] = next;
          lane.env.SLUICE_FAULTS =
            moment === 'any' ? '' : `kill-in=${moment}:${isRepeated(moment) ? 1 + (number % 3) : 1}`;
          await lane.node.start();
          await verifyAlone(lane, killed);
          killed = await killIn(lane, moment, number);
          outputs.push(killed.output);
          hit.set(moment, (hit.get(moment) ?? 0) + 1);
        }
        lane.env.SLUICE_FAULTS = '';
        await lane.node.start();
        await verifyAlone(lane, killed);
        outputs.push(lane.node.process().output());
        await lane.node.kill();
      };
      await Promise.all(Array.from({ length: lanes }, (_, index) => run(index)));
      process.stdout.write(`killed in: ${[...hit].map(([moment, count]) => `${moment} ${count}`).join(', ')}\n`);
      for (const moment of [...phases, 'any'] as const) expect(hit.get(moment) ?? 0, moment).toBeGreaterThan(0);
      expect(await checkActivations(database, outputs)).toEqual([]);
    });

    /** Changes come until it dies. */
    async function killIn({ link, node }: Lane, moment: Moment, seed: number): Promise<Killed> {
      const process_ = node.process();
      await link.heal();
      await waitFor('the node is connected', () => /connected to the control plane/.test(process_.output()));
      if (moment === 'any') {
        await change();
        void change();
        await pause((seed * 7) % 40);
        await node.kill();
      }
      while (process_.exit() === undefined) {
        await change();
        const goal = changes;
        await waitFor('the change is active, or the node is gone', () => {
          return process_.exit() !== undefined || lastActive(process_.output(), Date.now()) >= goal;
        });
      }
      const at = Date.now();
      await process_.exited;
      expect(process_.exit()?.signal).toBe('SIGKILL');
      await link.cut();
      return { at, output: process_.output() };
    }

    async function verifyAlone({ node }: Lane, killed: Killed | undefined): Promise<void> {
      const hasBase = readdirSync(node.cacheDir).some((name) => name.endsWith('.base'));
      if (!hasBase) {
        // Only before the first snapshot was written.
        expect(killed === undefined || lastActive(killed.output, killed.at - lagMs) === 0).toBe(true);
        await waitFor('it is alive', async () => (await node.admin('/__health')).status === 200);
        expect(await node.isReady()).toBe(false);
        return;
      }
      await node.waitUntilReady();
      const { revision, controlPlane: connection } = JSON.parse((await node.admin('/__ready')).body);
      expect(connection).toBe('disconnected');
      if (killed !== undefined) {
        expect(revision).toBeGreaterThanOrEqual(lastActive(killed.output, killed.at - lagMs));
        expect(revision).toBeLessThanOrEqual(lastActive(killed.output, killed.at));
      }
      await using client = await connectRaw(node.port);
      expect(readNumber(await client.request({ target: '/r' }))).toBe(revision);
    }
  },
);

/** Entered more than once while one base is written and a few changes follow it. */
function isRepeated(moment: Moment): boolean {
  return ['base-write', 'log-append', 'log-sync'].includes(moment);
}

interface Killed {
  readonly at: number;
  readonly output: string;
}

/** The newest config revision that was active at a time; 0: none. */
function lastActive(output: string, at: number): number {
  const lines = [...output.matchAll(/^(\S+) info active track=config .* revision=(\d+) /gm)];
  return Number(lines.findLast(([, time = '']) => Date.parse(time) <= at)?.[2] ?? 0);
}
