import { startRedis } from '../../harness/redis.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { happens, type World } from './field-case.ts';

/** Whether what the node fetches is there for others: test/e2e/shared-cache.test.ts has such others. */
export async function isShared({ ask, run, redisPort, metrics, expected }: World): Promise<boolean> {
  await using redis = await startRedis(redisPort);
  await waitFor('the node has Redis', async () => (await metrics()).includes('gateway_shared_cache_up 1\n'));
  let number = 0;
  // One that stands still for 50 ms goes on without Redis, and keeps nothing there.
  return await happens(
    expected === true,
    async () => {
      await ask({ target: `/${run}-${number++}` });
      return redis.command('KEYS', 'sluice:cache:*:answer:*') !== '';
    },
    500,
  );
}
