import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startOrigin } from '../harness/origin.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import type { Case } from './cases.ts';
import { median } from './figure.ts';
import { measureOpenLoop } from './open-loop/run.ts';
import { startNginx } from './peers.ts';
import type { Outcome, Rounds } from './run-proxy-case.ts';
import type { Sample } from './sample.ts';
import { startSluice } from './sluice.ts';
import { signRepeating } from './tokens.ts';
import { startUpstream } from './upstream.ts';
import { consumerNames, formatRequests } from './workload.ts';
import { measure } from './wrk.ts';

type LatencyCase = Extract<Case, { kind: 'latency' }>;

/** Offers a quarter of what Sluice can do to the upstream directly, to Sluice and to nginx, in turn, round by round. */
export async function runLatencyCase(one: LatencyCase, rounds: Rounds): Promise<Outcome> {
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startUpstream());
  const origin = stack.use(await startOrigin());
  const temp = stack.use(await makeTempDir('bench-requests'));
  const upstreams = { main: upstream.port, equality: origin.port };
  const sluice = stack.use(await startSluice('sluice', one.workload, upstreams));
  const nginx = stack.use(await startNginx(upstreams));
  const requestsFile = join(temp.path, 'requests');
  const tokens = signRepeating(consumerNames(one.workload));
  await writeFile(
    requestsFile,
    formatRequests(
      one.workload,
      tokens.map((token) => `authorization: Bearer ${token}`),
    ),
  );

  const capacities: number[] = [];
  await measure(sluice, { requestsFile, connections: one.connections, seconds: rounds.warmUpSeconds });
  for (let n = 0; n < 3; n += 1) {
    const sample = await measure(sluice, { requestsFile, connections: one.connections, seconds: 1 });
    capacities.push(sample.requestsPerSecond!);
  }
  const capacity = Math.round(median(capacities));
  const perSecond = Math.round(capacity / 4);

  const targets = [{ name: 'direct', port: upstream.port }, sluice, nginx];
  const samples = targets.map((): Sample[] => []);
  for (let round = 0; round < rounds.count; round += 1) {
    for (const [index, { port }] of targets.entries()) {
      // The same arrivals for all in a round.
      const load = { requestsFile, perSecond, seconds: rounds.seconds + 1, connections: one.connections, seed: round };
      samples[index]!.push(await measureOpenLoop(port, load));
    }
  }
  return {
    candidates: targets.map(({ name }, index) => ({ name, samples: samples[index]! })),
    problems: [],
    notes: [`${perSecond} requests/s offered, a quarter of ${capacity}, at random times (Poisson)`],
  };
}
