import { isDeepStrictEqual } from 'node:util';
import { startNode } from '../../harness/node.ts';
import { startRedis } from '../../harness/redis.ts';
import { waitFor } from '../../harness/wait-for.ts';
import type { World } from './field-case.ts';

/** Asks the node, then another one. A node that stands still for 50 ms goes on without Redis: then it is looked at again. */
export async function onTwoNodes(world: World): Promise<string[]> {
  const { origin, ask, run, redisPort, controlPlane, metrics, expected } = world;
  await using redis = await startRedis(redisPort);
  await using other = await startNode({ controlPlane, id: 'other', workers: 1, args: ['--redis', redis.url] });
  await waitFor('both have Redis', async () => {
    const all = [await metrics(), (await other.admin('/__metrics')).body];
    return all.every((text) => text.includes('gateway_shared_cache_up 1\n'));
  });
  let seen: string[] = [];
  for (let i = 0; i < 20 && !isDeepStrictEqual(seen, expected); i++) {
    let asked = 0;
    origin.reply = () => ({ status: 200, body: String(++asked) });
    const request = { target: `/${run}-${i}`, headers: { host: 'a.test' } };
    const first = await ask(request);
    await waitFor('it is in Redis', () => redis.command('KEYS', '*:answer:*') !== '', { deadlineMs: 200 }).catch(
      () => undefined,
    );
    seen = [first, await ask({ ...request, port: other.port })].map(({ body }) => body.toString());
    redis.command('FLUSHALL');
  }
  return seen;
}
