import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startOrigin } from '../harness/origin.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import type { Candidate } from './candidate.ts';
import { checkEquality } from './equality.ts';
import { isInstalled, startHaproxy, startHaproxyPolicies, startNginx, startUpstream } from './peers.ts';
import type { ProxyCase } from './proxy-cases.ts';
import { type SluiceCandidate, startSluice } from './sluice.ts';
import { formatRequests } from './workload.ts';
import { measure, type Sample } from './wrk.ts';

export type Rounds = { readonly count: number; readonly seconds: number; readonly warmUpSeconds: number };

export type ProxyResult = {
  readonly name: string;
  readonly about: string;
  readonly candidates: readonly { readonly name: string; readonly samples: readonly Sample[] }[];
  /** What makes the work unequal; with one of these nothing was measured. */
  readonly problems: readonly string[];
};

/** Starts everything the case needs, checks that the work is equal, and measures the proxies in turn, round by round. */
export async function runProxyCase(one: ProxyCase, rounds: Rounds, only?: string): Promise<ProxyResult> {
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startUpstream());
  const origin = stack.use(await startOrigin());
  const upstreams = { main: upstream.port, equality: origin.port };
  const temp = stack.use(await makeTempDir('bench-requests'));
  const candidates: Candidate[] = [];
  const sluices: SluiceCandidate[] = [];
  const files = new Map<Candidate, string>();
  const secrets = new Map<Candidate, string | undefined>();

  const writeRequests = async (name: string, text: string) => {
    const path = join(temp.path, name);
    await writeFile(path, text);
    return path;
  };
  for (const [index, { label, workload }] of one.sluices.entries()) {
    if (only !== undefined && only !== 'sluice') break;
    const sluice = stack.use(await startSluice(label, workload, upstreams));
    candidates.push(sluice);
    sluices.push(sluice);
    secrets.set(sluice, sluice.secrets[0]);
    files.set(sluice, await writeRequests(`sluice-${index}`, formatRequests(workload, sluice.secrets)));
  }
  const first = one.sluices[0]!.workload;
  const sluiceFile = candidates[0] === undefined ? undefined : files.get(candidates[0]);
  const sameRequests = sluiceFile ?? (await writeRequests('peers', formatRequests(first, [])));
  for (const [name, start] of [
    ['nginx', startNginx],
    ['haproxy', startHaproxy],
  ] as const) {
    if (!isInstalled(name) || (only !== undefined && only !== name)) continue;
    const peer = stack.use(await start(upstreams));
    candidates.push(peer);
    files.set(peer, sameRequests);
  }

  const firstSecrets = sluices[0]?.secrets ?? [];
  if (firstSecrets.length > 0 && only === undefined && isInstalled('haproxy')) {
    const peer = stack.use(await startHaproxyPolicies(upstreams, firstSecrets));
    candidates.push(peer);
    secrets.set(peer, firstSecrets[0]);
    files.set(peer, sameRequests);
  }

  const isSluice = (candidate: Candidate) => sluices.some((sluice) => sluice === candidate);
  const problems = await checkEquality(candidates, origin, (candidate) => secrets.get(candidate));
  if (problems.length > 0) return { name: one.name, about: one.about, candidates: [], problems };

  const load = (candidate: Candidate, seconds: number) =>
    measure(candidate, { requestsFile: files.get(candidate)!, connections: one.connections, seconds });
  // The peers have nothing to compile.
  for (const candidate of candidates) await load(candidate, isSluice(candidate) ? rounds.warmUpSeconds : 1);
  const samples = new Map<Candidate, Sample[]>(candidates.map((candidate) => [candidate, []]));
  for (let round = 0; round < rounds.count; round += 1) {
    for (const candidate of candidates) samples.get(candidate)!.push(await load(candidate, rounds.seconds));
  }
  return {
    name: one.name,
    about: one.about,
    candidates: candidates.map((candidate) => ({ name: candidate.name, samples: samples.get(candidate)! })),
    problems: [],
  };
}
