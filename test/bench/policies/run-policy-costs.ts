import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startRedis } from '../../harness/redis.ts';
import { makeTempDir } from '../../harness/temp-dir.ts';
import { type Measured, median } from '../figure.ts';
import type { Row } from '../run-control-case.ts';
import type { Outcome, Rounds } from '../run-proxy-case.ts';
import type { Sample } from '../sample.ts';
import { startSluice } from '../sluice.ts';
import { issuer, signRepeating, tokenSecret } from '../tokens.ts';
import { startUpstream } from '../upstream.ts';
import { consumerNames, type Workload } from '../workload.ts';
import { measure } from '../wrk.ts';
import { type Ask, bareName, type PolicyCost, routesOf } from './costs.ts';
import { formatCostsManifest, formatCostsRequests } from './manifest.ts';

const CONNECTIONS = 64;
const SECONDS = 1;
/** Added to the rounds of other cases: differences of a microsecond are looked for. */
const MORE_ROUNDS = 2;
const workload: Workload = { routes: 1, hotRoutes: 1, consumers: 100, body: 'small' };
const tokenIssuer = `kind: Issuer
name: bench
spec:
  issuer: ${issuer}
  algorithms: [HS256]
  secret: { inline: ${tokenSecret} }
  consumer: { claim: sub, unknown: deny }
`;

/**
 * CPU time for each request with a policy less that without it, on one node, in short rounds that take turns: each difference is of two
 * rounds that were near each other.
 */
export async function runPolicyCosts(
  costs: readonly PolicyCost[],
  rounds: Rounds,
): Promise<Outcome & { readonly rows: readonly Row[] }> {
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startUpstream());
  const temp = stack.use(await makeTempDir('bench-policies'));
  const redis = stack.use(await startRedis());
  const upstreams = { main: upstream.port, equality: upstream.port };
  const manifest = `---\n${tokenIssuer}---\n${formatCostsManifest(costs, upstream.port)}`;
  const env = { SLUICE_REDIS: redis.url };
  const sluice = stack.use(await startSluice('sluice', workload, upstreams, { manifest, env }));
  const credentials: Readonly<Partial<Record<Ask, readonly string[]>>> = {
    key: sluice.secrets.map((secret) => `x-api-key: ${secret}`),
    token: signRepeating(consumerNames(workload)).map((token) => `authorization: Bearer ${token}`),
  };
  const routes = routesOf(costs);
  const files = await Promise.all(
    routes.map(async ({ ask }, at) => {
      const file = join(temp.path, `requests-${at}`);
      await writeFile(file, formatCostsRequests(ask, at, credentials[ask] ?? []));
      return file;
    }),
  );
  const load = (at: number): Promise<Sample> =>
    measure(sluice, { requestsFile: files[at]!, connections: CONNECTIONS, seconds: SECONDS });
  for (const at of routes.keys()) await load(at);
  const samples: Sample[][] = routes.map(() => []);
  for (let round = 0; round < rounds.count + MORE_ROUNDS; round += 1)
    for (const at of routes.keys()) samples[at]!.push(await load(at));
  const candidates = routes.map(({ name }, at): Measured => ({ name, samples: samples[at]! }));
  const hasFailed = ({ samples }: Measured) => samples.some(({ errors = 0 }) => errors > 0);
  const failed = candidates.filter(hasFailed);
  const measured = candidates.filter((one) => !hasFailed(one));
  const notes = [
    `${rounds.count + MORE_ROUNDS} rounds of ${SECONDS} s`,
    ...failed.map(({ name }) => `not measured, as requests failed: ${name}`),
  ];
  const rows = costs.flatMap((cost) => differenceOf(cost, measured) ?? []);
  return { candidates: measured, rows, problems: [], notes };
}

/** The median of the differences of the rounds; undefined where one of the two was not measured. */
export function differenceOf(cost: PolicyCost, candidates: readonly Measured[]): Row | undefined {
  const cpuOf = (name: string) =>
    candidates.find((one) => one.name === name)?.samples.map(({ cpuUs = Number.NaN }) => cpuUs);
  const without = cpuOf(cost.against ?? bareName(cost.ask));
  const differences = cpuOf(cost.name)?.map((cpuUs, round) => cpuUs - (without?.[round] ?? Number.NaN));
  if (without === undefined || differences === undefined) return undefined;
  const lowest = Math.min(...differences).toFixed(1);
  const highest = Math.max(...differences).toFixed(1);
  return { what: cost.name, value: median(differences), unit: 'us', note: `rounds ${lowest} to ${highest}` };
}
