import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startOrigin } from '../harness/origin.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import type { Candidate } from './candidate.ts';
import type { CandidateSpec, ProxyCase } from './cases.ts';
import { checkEquality, type Running } from './equality.ts';
import type { Measured } from './figure.ts';
import { isInstalled } from './peer-process.ts';
import { startHaproxy, startHaproxyJwt, startHaproxyKeys, startNginx, startNodeGateway } from './peers.ts';
import type { Sample } from './sample.ts';
import { startSluice } from './sluice.ts';
import { signFresh, signRepeating } from './tokens.ts';
import { startUpstream } from './upstream.ts';
import { consumerNames, formatManifest, formatRequests, type Upstreams } from './workload.ts';
import { measure } from './wrk.ts';

export type Rounds = { readonly count: number; readonly seconds: number; readonly warmUpSeconds: number };

/** What running a case gives. With a problem, nothing was measured. */
export type Outcome = {
  readonly candidates: readonly Measured[];
  /** What makes the work unequal. */
  readonly problems: readonly string[];
  /** What a reader of the numbers should know, such as the rate that was offered. */
  readonly notes: readonly string[];
};

/** More requests than any proxy answers in a second on one core here. */
const freshTokensPerSecond = 70_000;

/** Starts everything the case needs, checks that the work is equal, and measures the proxies in turn, round by round. */
export async function runProxyCase(one: ProxyCase, rounds: Rounds, only?: string): Promise<Outcome> {
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startUpstream());
  const origin = stack.use(await startOrigin());
  const temp = stack.use(await makeTempDir('bench-requests'));
  const upstreams = { main: upstream.port, equality: origin.port };
  const running = await startCandidates(one, upstreams, temp.path, stack, only);
  if (running.length === 0) return { candidates: [], problems: ['no proxy of this case is installed'], notes: [] };
  const problems = await checkEquality(running, origin);
  if (problems.length > 0) return { candidates: [], problems, notes: [] };

  const fresh = one.candidates.some(({ freshTokens }) => freshTokens)
    ? signFresh(consumerNames(one.candidates[0]!.workload))
    : undefined;
  const tokensFile = join(temp.path, 'tokens');
  // Each round has new tokens: the same for every proxy, which sees each of them for the first time.
  const refill = async (seconds: number) => {
    if (fresh === undefined) return;
    const lines = Array.from({ length: Math.ceil(seconds * freshTokensPerSecond) }, () => `${fresh.next().value}\n`);
    await writeFile(tokensFile, lines.join(''));
  };
  const load = ({ candidate, spec, requestsFile }: Running, seconds: number): Promise<Sample> =>
    measure(candidate, {
      requestsFile,
      tokensFile: spec.freshTokens ? tokensFile : undefined,
      connections: one.connections,
      seconds,
    });
  /** As long as it takes for every request to have come once: what a route's first request prepares is no part of the others' cost. */
  const warmUp = async (each: Running, seconds: number) => {
    await refill(seconds);
    const { requests = 0 } = await load(each, seconds);
    const { hotRoutes } = each.spec.workload;
    // Each load begins with the first request again, so it has to be one that reaches the last.
    if (!each.spec.freshTokens && requests < hotRoutes)
      await load(each, Math.ceil((1.5 * seconds * hotRoutes) / requests));
  };
  // nginx and HAProxy have nothing to compile.
  for (const each of running) await warmUp(each, isCompiled(each.spec) ? 1 : rounds.warmUpSeconds);
  const samples = new Map<Running, Sample[]>(running.map((each) => [each, []]));
  for (let round = 0; round < rounds.count; round += 1) {
    await refill(rounds.seconds);
    for (const each of running) samples.get(each)!.push(await load(each, rounds.seconds));
  }
  await rm(tokensFile, { force: true });
  return {
    candidates: running.map((each) => ({ name: each.spec.name, samples: samples.get(each)! })),
    problems: [],
    notes: [],
  };
}

const isCompiled = ({ program }: CandidateSpec) => program === 'nginx' || program.startsWith('haproxy');

/** Candidates with the same configuration share one Sluice; a peer that is not installed is left out. */
async function startCandidates(
  one: ProxyCase,
  upstreams: Upstreams,
  dir: string,
  stack: AsyncDisposableStack,
  only: string | undefined,
): Promise<Running[]> {
  const sluices = new Map<string, Awaited<ReturnType<typeof startSluice>>>();
  const running: Running[] = [];
  let secrets: readonly string[] = [];
  for (const spec of one.candidates) {
    const { program, workload } = spec;
    if (only !== undefined && program !== only && !program.startsWith(`${only}-`)) continue;
    if (isCompiled(spec) && !isInstalled(program.replace(/-.*/, ''))) continue;
    if (program === 'haproxy-keys' && secrets.length === 0) continue;
    let candidate: Candidate;
    if (program === 'sluice') {
      const manifest = formatManifest(workload, upstreams);
      const sluice = sluices.get(manifest) ?? stack.use(await startSluice(spec.name, workload, upstreams));
      sluices.set(manifest, sluice);
      secrets = sluice.secrets;
      candidate = sluice;
    } else candidate = stack.use(await startPeerProgram(spec, upstreams, secrets));
    const requestsFile = join(dir, `requests-${running.length}`);
    await writeFile(requestsFile, formatRequests(workload, formatCredentials(spec, secrets)));
    running.push({ spec, candidate, requestsFile });
  }
  return running;
}

function startPeerProgram(
  { program, workload }: CandidateSpec,
  upstreams: Upstreams,
  secrets: readonly string[],
): Promise<Candidate> {
  if (program === 'nginx') return startNginx(upstreams);
  if (program === 'haproxy') return startHaproxy(upstreams);
  if (program === 'haproxy-keys') return startHaproxyKeys(upstreams, secrets);
  if (program === 'haproxy-jwt') return startHaproxyJwt(upstreams, consumerNames(workload));
  return startNodeGateway(program, upstreams);
}

/** The header lines with which the consumers show who they are. */
function formatCredentials({ workload, freshTokens }: CandidateSpec, secrets: readonly string[]): string[] {
  if (workload.consumers === 0) return [];
  if (workload.credential !== 'jwt') return secrets.map((secret) => `x-api-key: ${secret}`);
  if (freshTokens) return ['authorization: Bearer @TOKEN@'];
  return signRepeating(consumerNames(workload)).map((token) => `authorization: Bearer ${token}`);
}
