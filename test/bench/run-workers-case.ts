import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { makeTempDir } from '../harness/temp-dir.ts';
import { type Candidate, canPin } from './candidate.ts';
import type { Case } from './cases.ts';
import { startNginx } from './peers.ts';
import type { Outcome, Rounds } from './run-proxy-case.ts';
import type { Sample } from './sample.ts';
import { startSluice } from './sluice.ts';
import { signRepeating } from './tokens.ts';
import { startUpstream } from './upstream.ts';
import { consumerNames, formatRequests } from './workload.ts';
import { measure } from './wrk.ts';

type WorkersCase = Extract<Case, { kind: 'workers' }>;
type Scale = { readonly workers: number; readonly core: string; readonly label: string };

const scales: readonly Scale[] = [
  { workers: 1, core: '0', label: '1 worker' },
  { workers: 2, core: '0,1', label: '2 workers' },
];

/**
 * Two cores cannot give two workers a core each and the load a third. So the whole is scaled: proxy, upstream and load
 * with one worker or thread each on one core, then with two each on two cores. nginx beside it shows what the rig gives.
 */
export async function runWorkersCase(one: WorkersCase, rounds: Rounds): Promise<Outcome> {
  if (!canPin || availableParallelism() < 2)
    return { candidates: [], problems: ['two cores and taskset are needed'], notes: [] };
  await using stack = new AsyncDisposableStack();
  const temp = stack.use(await makeTempDir('bench-requests'));
  const requestsFile = join(temp.path, 'requests');
  const tokens = signRepeating(consumerNames(one.workload));
  await writeFile(
    requestsFile,
    formatRequests(
      one.workload,
      tokens.map((token) => `authorization: Bearer ${token}`),
    ),
  );

  const running: { readonly name: string; readonly scale: Scale; readonly candidate: Candidate }[] = [];
  for (const scale of scales) {
    const upstream = stack.use(await startUpstream(scale));
    const upstreams = { main: upstream.port, equality: upstream.port };
    const sluice = stack.use(await startSluice('sluice', one.workload, upstreams, scale));
    running.push({ name: `sluice, ${scale.label}`, scale, candidate: sluice });
    running.push({ name: `nginx, ${scale.label}`, scale, candidate: stack.use(await startNginx(upstreams, scale)) });
  }
  const load = ({ scale, candidate }: (typeof running)[number], seconds: number): Promise<Sample> => {
    const { workers, core } = scale;
    const connections = one.connectionsPerWorker * workers;
    return measure(candidate, { requestsFile, connections, seconds, threads: workers, core });
  };
  for (const each of running) await load(each, rounds.warmUpSeconds);
  const samples = running.map((): Sample[] => []);
  for (let round = 0; round < rounds.count; round += 1) {
    for (const [index, each] of running.entries()) samples[index]!.push(await load(each, rounds.seconds));
  }
  return {
    candidates: running.map(({ name }, index) => ({ name, samples: samples[index]! })),
    problems: [],
    notes: ['proxy, upstream and load together on one core, then with twice the workers and connections on two'],
  };
}
