/** Many API keys at once: from the control plane to a node's workers, and back from its cache when nobody else is there. */
import { randomUUID } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { openStore, type Store } from '@sluice/control-plane';
import { hashItem, SetDigest } from '@sluice/engine';
import { ApiKeySchema } from '@sluice/proto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { secretHash } from '../../data-plane/src/shared/api-keys/testing/keys.ts';
import { checkActivations } from '../harness/activations.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { isMissing } from '../harness/is-missing.ts';
import { keyedRoute } from '../harness/keyed-route.ts';
import { type Node, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { createSharedDatabase, findPostgres } from '../harness/postgres.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';

const KEYS = 20_000;
/** Every so manieth is asked for. */
const SAMPLE = 619;
const ROTATED = 5_000;
const REVOKED = 7;

const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

const secretOf = (key: number, generation: number): string => `slk_many-${key}-${generation}`;

function contentOf(key: number, generation: number): Uint8Array {
  const hash = secretHash(secretOf(key, generation));
  return toBinary(ApiKeySchema, create(ApiKeySchema, { name: `many-${key}`, consumer: 'c', hash, enabled: true }));
}

/** The keys as they are in a generation, in one version of the facts, as another replica of the control plane writes it. */
async function writeKeys(store: Store, keys: readonly number[], generation: number): Promise<number> {
  const { historyId, facts } = await store.head();
  const digest = new SetDigest();
  if (facts > 0) digest.add((await store.getRevision('facts', facts))!.digest);
  const versions = keys.map((key) => {
    const [kind, name, content] = ['ApiKey', `many-${key}`, contentOf(key, generation)] as const;
    const hash = hashItem(kind, name, content);
    digest.add(hash);
    if (generation > 0) digest.remove(hashItem(kind, name, contentOf(key, generation - 1)));
    return { kind, name, content, hash, nodeGroups: [] };
  });
  const outcome = await store.append({
    track: 'facts',
    expected: { historyId, revision: facts },
    writeId: randomUUID(),
    revision: {
      ...{ createdAt: new Date(), author: 'test', message: '', digest: digest.bytes(), rollbackOf: 0, forced: false },
      ...{ created: generation === 0 ? keys.length : 0, updated: generation === 0 ? 0 : keys.length, deleted: 0 },
    },
    ...{ versions, secrets: [], audit: [], answer: undefined },
  });
  expect(outcome.kind).toBe('appended');
  return facts + 1;
}

describe.skipIf(isMissing('PostgreSQL', findPostgres() === undefined))('many API keys', () => {
  const stack = new AsyncDisposableStack();
  let database: string;
  let store: Store;
  let origin: Origin;
  let controlPlane: ControlPlane;
  let node: Node;

  const factsOf = async (): Promise<number> => JSON.parse((await node.admin('/__ready')).body).factsVersion;
  const statuses = async (secrets: readonly string[]): Promise<number[]> => {
    await using client = await connectRaw(node.port);
    const found: number[] = [];
    for (const secret of secrets) {
      found.push((await client.request({ target: '/r', headers: { 'x-api-key': secret } })).status);
    }
    return found;
  };
  const sample = (generation: number, below = KEYS): string[] =>
    Array.from({ length: Math.ceil(below / SAMPLE) }, (_, i) => secretOf(i * SAMPLE, generation));
  const all = (secrets: readonly string[], status: number): number[] => secrets.map(() => status);
  const isPersisted = async (facts: number): Promise<boolean> => {
    const { factsVersion, revision, persistedRevision } = JSON.parse((await node.admin('/__ready')).body);
    return factsVersion === facts && revision === persistedRevision;
  };

  beforeAll(async () => {
    database = (await createSharedDatabase())!;
    const dir = stack.use(await makeTempDir('store'));
    store = await openStore({ database, dataDir: dir.path, callTimeoutMs: 60_000 });
    stack.defer(() => store.close());
    origin = stack.use(await startOrigin(() => ({ body: '{}' })));
    controlPlane = stack.use(await startControlPlane({ database }));
    await controlPlane.apply(keyedRoute(origin.address));
    node = stack.use(await startNode({ controlPlane: controlPlane.url }));
  });

  afterAll(() => stack.disposeAsync());

  test('twenty thousand keys that come as one change are good in every worker, and one that is revoked is not', async () => {
    const facts = await writeKeys(store, numbers(KEYS), 0);
    await waitFor('the keys are active', async () => (await factsOf()) === facts);
    expect(await statuses(sample(0))).toEqual(all(sample(0), 200));
    expect(await statuses([secretOf(KEYS, 0), secretOf(1, 1)])).toEqual([401, 401]);
    const [revoked, kept] = [secretOf(REVOKED, 0), secretOf(8, 0)];
    expect(await statuses([revoked, kept])).toEqual([200, 200]);
    await controlPlane.ctlOk(['keys', 'revoke', `many-${REVOKED}`]);
    await waitFor('the key is revoked', async () => (await statuses([revoked]))[0] === 401);
    // Of several connections, so that each worker is asked.
    const again = await Promise.all(Array.from({ length: 8 }, () => statuses([revoked, kept])));
    expect(again).toEqual(Array(8).fill([401, 200]));
  });

  test('they come back from the cache with the control plane gone, and the revoked one does not', async () => {
    const facts = await factsOf();
    await waitFor('the revocation is on disk', () => isPersisted(facts));
    await controlPlane.stop();
    await node.stop();
    await node.start();
    expect(await statuses(sample(0))).toEqual(all(sample(0), 200));
    expect(await statuses([secretOf(REVOKED, 0), secretOf(8, 0), secretOf(KEYS, 0)])).toEqual([401, 200, 401]);
    await controlPlane.start();
  });

  test('a node that is killed while it keeps five thousand rotations comes back with all of them or none', async () => {
    const before = await factsOf();
    const rotations = numbers(ROTATED).filter((key) => key !== REVOKED);
    const facts = await writeKeys(store, rotations, 1);
    await waitFor('the rotations are active', async () => (await factsOf()) === facts);
    const output = node.process().output();
    await node.kill();
    await controlPlane.stop();
    await node.start();
    const generation = (await factsOf()) === facts ? 1 : 0;
    expect([before, facts]).toContain(await factsOf());
    const rotated = (of: number) => sample(of, ROTATED);
    expect(await statuses(rotated(generation))).toEqual(all(rotated(generation), 200));
    expect(await statuses(rotated(1 - generation))).toEqual(all(rotated(0), 401));
    await controlPlane.start();
    await waitFor('the rotations are active again', async () => (await factsOf()) === facts);
    expect(await statuses(rotated(1))).toEqual(all(rotated(1), 200));
    expect(await checkActivations(database, [output, node.process().output()])).toEqual([]);
  });
});
