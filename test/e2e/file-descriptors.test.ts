/** A node that may have no more file descriptors serves on, and takes new clients again once it has some. */
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { forwardAll, startGateway } from '../harness/gateway.ts';
import { startLoad } from '../harness/load.ts';
import { startOrigin } from '../harness/origin.ts';
import { connectRaw, type RawClient } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const mostFiles = 300;

// prlimit and /proc/PID/fd are Linux's.
test.skipIf(process.platform !== 'linux')(`with ${mostFiles} file descriptors and more clients than that`, async () => {
  await using origin = await startOrigin();
  await using gateway = await startGateway({
    node: { wrapper: ['prlimit', `--nofile=${mostFiles}:${mostFiles}`] },
    manifest: forwardAll(origin.address),
  });
  const { node } = gateway;
  const files = () => readdirSync(`/proc/${node.process().pid}/fd`).length;
  // Its connections, and those to the origin, are there before it runs out.
  await using load = startLoad({ port: node.port, connections: 4, rate: 100 });
  await load.waitForRequests(100);

  const idle: RawClient[] = [];
  await waitFor('it has no more', async () => {
    const client = await connectRaw(node.port).catch(() => undefined);
    if (client !== undefined) idle.push(client);
    return files() >= mostFiles - 1 && idle.length >= mostFiles;
  });
  await load.waitForRequests(100);
  expect(load.failed()).toBe(0);

  for (const client of idle) client.reset();
  await using client = await connectRaw(node.port);
  expect((await client.request()).status).toBe(200);
  expect(await load.stop()).toMatchObject({ failed: 0, failures: [] });
});
